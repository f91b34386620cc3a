"""What there is to hear and see: sounds with their pictures, and the training that led to them."""

import logging
import os
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from s2i_tf.evaluation import curves, label_match, run_folder
from s2i_tf.evaluation.gallery import Example
from s2i_tf.evaluation.markup import Embedder, Markup, tag
from s2i_tf.evaluation.summary import Metrics
from s2i_tf.media import image

_SHOWN_LABELS = 3
_MAX_GRIDS = 6
_MAX_GRID_WIDTH = 1100
_STAGE_TITLES = {
    "multimodal": "Multimodal layers (section 5.3)",
    "feature_gan": "Feature GAN (section 5.4)",
    "image_gan": "Image GAN (section 5.2)",
    "reverse_gan": "Feature GAN from image to sound (section 5.4 with the modalities swapped)",
}

_log = logging.getLogger(__name__)


def gallery_section(metrics: Metrics, examples: Sequence[Example], embedder: Embedder) -> Markup:
    """The drawn sounds: each with its player, the real photo, and what the model makes of it."""
    num_silent = sum(example.sound is None for example in examples)
    notes = []
    if num_silent:
        notes.append(
            f"{num_silent} of these {len(examples)} sounds cannot be played: they could not be "
            f"read in {metrics['data']['source'] or 'the folder the data came from'}."
        )
    cards = [_card(example, embedder) for example in examples]
    if embedder.num_left_out:
        notes.append(f"{embedder.num_left_out} items left out to keep the page small.")
    return tag(
        "section",
        tag("h2", "Hear the sound, see the picture"),
        tag(
            "p",
            f"{len(examples)} sounds of the eval split, drawn at random with seed "
            f"{metrics['settings']['seed']}, one of each class in turn: neither the best nor the "
            "worst. The player has the seconds that the model hears. Beneath photo and picture "
            "stand the judge's three likeliest labels, and beneath both what they have in common.",
        ),
        [tag("p", note, class_="warning") for note in notes],
        tag("div", cards, class_="gallery"),
        id="examples",
    )


def training_section(run: str | os.PathLike | None, embedder: Embedder) -> Markup:
    """Losses and sample grids of each stage, as far as the run kept them."""
    stages = [] if run is None else [_stage(run, stage, embedder) for stage in run_folder.STAGES]
    if not any(stages):
        stages = [tag("p", "No record of the training lies beside this model.")]
    return tag("section", tag("h2", "How it was trained"), stages, id="training")


def _card(example: Example, embedder: Embedder) -> Markup:
    uri = None if example.sound is None else embedder.uri(example.sound, "audio/mpeg")
    player = (
        tag("audio", controls="", preload="metadata", src=uri)
        if uri
        else tag("p", "The sound is not at hand.", class_="missing")
    )
    pictures = [
        _figure("real photo", example.original, example.original_labels, embedder),
        _figure("from the sound", example.generated[0], example.generated_labels, embedder),
        _figure("photo rebuilt", example.rebuilt, {}, embedder),
        *(
            _figure(f"from the sound, sample {number}", sample, {}, embedder)
            for number, sample in enumerate(example.generated[1:], 1)
        ),
    ]
    return tag(
        "article",
        tag("h3", example.class_name.replace("_", " "), tag("small", example.sound_id)),
        player,
        tag("div", pictures, class_="pictures"),
        _common(example.original_labels, example.generated_labels),
    )


def _common(one: Mapping[int, str], other: Mapping[int, str]) -> Markup:
    """The first of the k at which the label sets meet, and the labels that they share there."""
    for k in label_match.TOP_KS:
        if shared := set(list(one)[:k]) & set(list(other)[:k]):
            names = ", ".join(_short(one[label]) for label in one if label in shared)
            return tag("p", tag("b", f"match at top {k}"), f" {names}", class_="match")
    return tag("p", f"no match at top {k}", class_="match none")


def _figure(
    caption: str,
    picture: np.ndarray,
    labels: Mapping[int, str],
    embedder: Embedder,
) -> Markup:
    uri = embedder.uri(image.encode_jpeg(picture, quality=90), "image/jpeg")
    if uri is None:
        return Markup("")
    items = [tag("li", _short(name)) for name in list(labels.values())[:_SHOWN_LABELS]]
    return tag(
        "figure",
        tag("img", src=uri, alt=caption, width="128", height="128"),
        tag("figcaption", caption),
        tag("ol", items) if items else "",
    )


def _short(label: str) -> str:
    """The first of a label's synonyms."""
    return label.split(",")[0]


def _stage(run: str | os.PathLike, stage: str, embedder: Embedder) -> Markup:
    logged = run_folder.read_curves(run, stage)
    grids = [
        grid
        for path in run_folder.sample_grids(run, stage, _MAX_GRIDS)
        if (grid := _grid(path, embedder))
    ]
    if not logged and not grids:
        return Markup("")
    return tag(
        "div",
        tag("h3", _STAGE_TITLES[stage]),
        curves.small_multiples(logged),
        tag("div", grids, class_="grids") if grids else "",
        class_="stage",
    )


def _grid(path: os.PathLike, embedder: Embedder) -> Markup | None:
    try:
        with Image.open(path) as opened:
            grid = opened.convert("RGB")
    except OSError as error:
        _log.warning("%s left out: %s", path, error)
        return None
    if grid.width > _MAX_GRID_WIDTH:
        grid.thumbnail((_MAX_GRID_WIDTH, grid.height))
    uri = embedder.uri(image.encode_jpeg(np.asarray(grid), quality=85), "image/jpeg")
    if uri is None:
        return None
    name = path.stem.replace("_", " ")
    return tag("figure", tag("img", src=uri, alt=name), tag("figcaption", name))
