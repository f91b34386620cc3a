"""Sounds of sources that the model never heard: is the class heard, found and seen?

A user's own recording is always from another place than the training sounds. The ears of the model
are fitted anew without each source, see `source_folds`, and the four questions of the ordinary
split are asked of that source's sounds.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from s2i_tf.evaluation import neighbors, stats
from s2i_tf.evaluation.inputs import Items, Predictions
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, NotMeasured, Part, part_rows
from s2i_tf.evaluation.metrics.tabular import (
    Cell,
    Headline,
    Row,
    Table,
    percent,
    rate,
    row_named,
    share,
    verdict,
)

ROWS = {
    "class_heard": "class heard in the sound",
    "image_to_sound": "photo → nearest sound has its class",
    "sound_to_image": "sound → nearest photo has its class",
    "class_seen": "class seen in the picture",
}
# The columns by class, and, as photos have none of these sources, by source but for the last.
_COLUMNS = {
    "class_heard": "class heard",
    "sound_to_image": "sound → photo",
    "class_seen": "class seen",
    "image_to_sound": "photo → sound",
}


class UnseenSources(Metric):
    """What names a sound, and what maps it to its class's photos, is fitted without its source.

    These are fitted in closed form, as in training, without some sources' sounds, until each
    source was left out once; the sounds of both splits are asked. Beside it is the ordinary split,
    whose recordings are new but whose sources are not. The photos are those of the eval split.
    What follows after the ears (the layer of the photos, both generators) is as it was trained,
    with the sounds left out here, so that what is found and seen may be flattered.
    """

    heading = "What is it worth on sounds of sources that it never heard?"
    short = "Unseen sources"

    def measure(self, predictions: Predictions) -> Part:
        found = predictions.left_out
        if found is None:
            raise NotMeasured(predictions.no_left_out or "no source is left out")
        sounds, own = found.sounds, predictions.sounds
        probe = predictions.training.class_seen
        # A class that the model does not have can't be heard.
        known = np.isin(own.labels, predictions.own_labels)
        seen = np.full(len(sounds), np.nan)
        seen[found.drawn] = probe.right(found.pictures.features, sounds.labels[found.drawn])
        rates, nums = _rates(
            predictions,
            sounds,
            found.heard.labels == sounds.labels,
            found.vectors.after,
            seen,
            sounds.sources,
        )
        ordinary_rates, ordinary_nums = _rates(
            predictions,
            own,
            np.where(known, predictions.heard.labels == own.labels, np.nan),
            predictions.sound_vectors.after,
            probe.right(predictions.generated.features, own.labels),
        )
        return {
            "num_sounds": len(sounds),
            "num_sources": len(np.unique(sounds.sources)),
            "num_folds": found.num_folds,
            "num_alone": found.num_alone,
            "chance": 1 / len(probe.classes),
            "rows": part_rows(
                ROWS,
                num_items=nums,
                num_ordinary=ordinary_nums,
                left_out=rates,
                ordinary=ordinary_rates,
            ),
            "sizes": {
                "per_class": Counter(sorted(predictions.class_names[k] for k in sounds.labels)),
                "per_source": Counter(sorted(sounds.sources.tolist())),
            },
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        def cells(row: Part) -> list[Cell]:
            chance = part["chance"] if row["name"].startswith("class") else None
            return [*rate(row["left_out"], chance), *rate(row["ordinary"], chance)]

        detail = "n = {num_items}, in the ordinary split {num_ordinary}"
        note = (
            f"{part['num_sounds']} sounds of {part['num_sources']} sources in {part['num_folds']} "
            "folds; intervals by drawing whole sources anew, of photos those of the sounds that "
            "they find. A photo looks among all sounds left out, in the ordinary split among fewer."
        )
        if part["num_alone"]:
            note += (
                f" {part['num_alone']} further sounds, whose class no other source has, or nothing "
                "but it, cannot be named without their own and are not counted."
            )
        return [
            Table(
                "Sources never heard",
                ("source left out", "macro", "ordinary split", "macro"),
                tabular.rows(part["rows"], cells, detail),
                legend="chance",
                after=note,
            ),
            _breakdown(part, "per_class", "By class, the source left out", list(_COLUMNS)),
            _breakdown(part, "per_source", "By source, when left out", list(_COLUMNS)[:-1]),
        ]

    def headlines(self, part: Part, metrics: Metrics) -> list[Headline]:
        found, seen = (row_named(part["rows"], name) for name in ("class_heard", "class_seen"))
        estimate, ordinary = (found[side]["micro"] for side in ("left_out", "ordinary"))
        sentence = (
            f"Of {part['num_sounds']} sounds, each heard by ears that were fitted without its "
            f"source, {percent(estimate['value'])} are named rightly: "
            f"{verdict(estimate, part['chance'], 'chance')}. Of new recordings of known sources it "
            f"is {percent(ordinary['value'])}. In pictures of sounds of unknown sources the class "
            f"is seen in {percent(seen['left_out']['micro']['value'])}."
        )
        title = "A sound of a source never heard is named"
        return [Headline(title, estimate, part["chance"], None, sentence)]


def _breakdown(part: Part, key: str, title: str, names: Sequence[str]) -> Table:
    """The rates by class, or by source, the worst heard first."""
    rates = [row_named(part["rows"], name)["left_out"][key] for name in names]
    rows = [
        Row(name, [share(one.get(name)) for one in rates], f"n = {num}")
        for name, num in sorted(
            part["sizes"][key].items(), key=lambda entry: (rates[0][entry[0]]["value"], entry[0])
        )
    ]
    before = f"{title}, the worst heard first."
    return Table(title, [_COLUMNS[name] for name in names], rows, before=before, brief=())


def _rates(
    predictions: Predictions,
    sounds: Items,
    heard: np.ndarray,
    vectors: np.ndarray,
    seen: np.ndarray,
    groups: np.ndarray | None = None,
) -> tuple[dict[str, stats.Rate], dict[str, int]]:
    """The four rates of some sounds, and of how many sounds or photos each is.

    Args:
      predictions: of the photos.
      sounds: the sounds.
      heard: whether the class of each is heard, [sounds]; NaN of one that can't be.
      vectors: multimodal vectors after the activation [sounds, hidden].
      seen: whether the class is seen in the picture of each, NaN for one that was not drawn.
      groups: what is drawn anew for the intervals, such as their sources; by default the
        recordings. A photo goes with the sound that it finds.
    """
    photos, photo_vectors = predictions.images, predictions.image_vectors.after
    photo = neighbors.rank(vectors, sounds.labels, photo_vectors, photos.labels)["euclidean"]
    sound = neighbors.rank(photo_vectors, photos.labels, vectors, sounds.labels)["euclidean"]
    # Of a class that there is nothing of to be found nothing can be found.
    has_photo, has_sound = (
        np.isin(one.labels, other.labels) for one, other in ((sounds, photos), (photos, sounds))
    )
    measures = {
        "class_heard": heard,
        "sound_to_image": np.where(has_photo, photo.measures["top_1"], np.nan),
        "class_seen": seen,
    }
    of_photos = {"image_to_sound": np.where(has_sound, sound.measures["top_1"], np.nan)}
    rates = {
        **predictions.rates(measures, sounds, groups),
        **predictions.rates(of_photos, photos, None if groups is None else groups[sound.nearest]),
    }
    nums = {
        name: int(np.isfinite(values).sum()) for name, values in {**measures, **of_photos}.items()
    }
    return rates, nums
