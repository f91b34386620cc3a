"""The results as one page that opens offline: no script, no link outwards, nothing to fetch.

Whatever comes from data (names of classes, files and labels) is escaped by the template, and a
content security policy forbids the page to load anything, whatever it should contain.
"""

import base64
import functools
import importlib.resources
import json
import logging
import os
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from s2i_tf import templates
from s2i_tf.evaluation import provenance, stats
from s2i_tf.evaluation.judge import TOP_KS
from s2i_tf.evaluation.metrics import METRICS
from s2i_tf.evaluation.metrics.metric import Metrics
from s2i_tf.evaluation.metrics.tabular import interval, percent
from s2i_tf.evaluation.report import breakdown, charts, figures, run_record
from s2i_tf.evaluation.report.gallery import Example
from s2i_tf.media import image

MAX_MEDIA_BYTES = 9_000_000

_MAX_GRIDS = 6
_MAX_WIDTH = 1100
_STAGE_TITLES = {
    "multimodal": "Multimodal layers (section 5.3)",
    "feature_gan": "Feature GAN (section 5.4)",
    "image_gan": "Image GAN (section 5.2)",
    "reverse_gan": "Feature GAN from image to sound (section 5.4 with the modalities swapped)",
}

_log = logging.getLogger(__name__)


class Embedder:
    """Turns bytes into data URIs until the page would become too large.

    Attributes:
      num_left_out: how many had no room.
    """

    def __init__(self, max_bytes: int):
        self._bytes_left = max_bytes
        self.num_left_out = 0

    def uri(self, contents: bytes, media_type: str) -> str | None:
        """The contents as a data URI, or None where there is no room left for them."""
        size = 4 * -(-len(contents) // 3)
        if size > self._bytes_left:
            self.num_left_out += 1
            return None
        self._bytes_left -= size
        return f"data:{media_type};base64,{base64.b64encode(contents).decode()}"


def render(
    metrics: Metrics,
    examples: Sequence[Example] = (),
    sheets: Mapping[str, np.ndarray] | None = None,
    run: str | os.PathLike | None = None,
) -> str:
    """The page.

    Args:
      metrics: what `metrics.json` holds, as of `evaluate.evaluate`.
      examples: the sounds to show.
      sheets: the figures made of pictures, uint8 [height, width, 3] by file name.
      run: folder of the run that trained the model, if there is one.
    """
    embedder = Embedder(MAX_MEDIA_BYTES)
    shown = {name: metric for name, metric in METRICS.items() if name != "qualities"}
    # In the order in which they get the room that there is.
    cards = [_card(example, embedder) for example in examples]
    embedded = {
        name: {"uri": uri, "title": figures.TITLES[name]}
        for name, sheet in (sheets or {}).items()
        if (uri := _picture(embedder, sheet)) is not None
    }
    stages = [stage for name in _STAGE_TITLES if run and (stage := _stage(run, name, embedder))]
    return templates.fill(
        __package__,
        "page.html",
        percent=percent,
        interval=interval,
        pretty=functools.partial(json.dumps, indent=2),
        metrics=metrics,
        measures=shown,
        headlines=[
            headline
            for name, metric in shown.items()
            if metrics[name] is not None
            for headline in metric.headlines(metrics[name], metrics)
        ],
        left_out=provenance.left_out(metrics),
        min_groups=stats.MIN_GROUPS,
        cards=cards,
        max_k=max(TOP_KS),
        num_silent=sum(example.sound is None for example in examples),
        num_left_out=embedder.num_left_out,
        breakdowns=breakdown.breakdowns(metrics),
        sheets=embedded,
        stages=stages,
        style=importlib.resources.files(__package__).joinpath("page.css").read_text("utf-8"),
    )


def _picture(embedder: Embedder, picture: np.ndarray, quality: int = 85) -> str | None:
    """A picture uint8 [height, width, 3] as a data URI, no wider than the page."""
    if picture.shape[1] > _MAX_WIDTH:
        narrow = Image.fromarray(picture)
        narrow.thumbnail((_MAX_WIDTH, picture.shape[0]))
        picture = np.asarray(narrow)
    return embedder.uri(image.encode_jpeg(picture, quality=quality), "image/jpeg")


def _card(example: Example, embedder: Embedder) -> dict:
    """What the page shows of a sound."""
    sound = example.sound and embedder.uri(example.sound, "audio/mpeg")
    pictures = [
        {"caption": caption, "uri": uri, "labels": example.labels.get(caption, ())}
        for caption, picture in example.pictures.items()
        if (uri := _picture(embedder, picture, quality=90)) is not None
    ]
    return {"example": example, "sound": sound, "pictures": pictures}


def _stage(run: str | os.PathLike, stage: str, embedder: Embedder) -> dict | None:
    """The losses and sample grids of a stage, as far as the run kept them."""
    logged = run_record.read_curves(run, stage)
    curves = logged and embedder.uri(charts.svg(charts.curves(logged)), "image/svg+xml")
    grids = []
    for path in run_record.sample_grids(run, stage, _MAX_GRIDS):
        try:
            with Image.open(path) as opened:
                grid = np.asarray(opened.convert("RGB"))
        except OSError as error:
            _log.warning("%s left out: %s", path, error)
            continue
        if (uri := _picture(embedder, grid)) is not None:
            grids.append({"uri": uri, "title": path.stem.replace("_", " ")})
    if not logged and not grids:
        return None
    return {
        "title": _STAGE_TITLES[stage],
        "names": ", ".join(logged),
        "curves": curves,
        "grids": grids,
    }
