"""From photo to sound: is the training sound that a photo is given one of the photo's class?

Each photo's generated sound features stand for the nearest training sound. It has the class or not;
and a judge of sounds, which took no part in choosing it, names the same in it and in a real sound
of the photo's class, or not. Beside both stand the nearest training sound by multimodal vectors,
which generates nothing, and what the sounds of other photos reach.
"""

import numpy as np

from s2i_tf.evaluation import stats
from s2i_tf.evaluation.inputs import PhotoToSound, Predictions
from s2i_tf.evaluation.metrics import label_match, tabular
from s2i_tf.evaluation.metrics.metric import (
    Metric,
    Metrics,
    NotMeasured,
    Part,
    part_rows,
    uncounted,
    uncounted_warning,
)
from s2i_tf.evaluation.metrics.tabular import DASH, Cell, Row, Table, plain, share

FOUND_ROWS = {
    "generated": "training sound nearest to the features made of the photo",
    "nearest_sound": "training sound nearest to the photo by multimodal features",
    "shuffled": "shuffled: the sound of any other photo",
}
MATCH_ROWS = {
    "generated": "sound found for the photo, and the sound of its pair",
    "nearest_sound": "nearest sound by multimodal features, and the sound of the pair",
    "real_same_class": "another real sound of the class, and the sound of the pair",
    "shuffled": "shuffled: sound found for the photo, sound of any other pair",
}


class PhotoToSoundMatch(Metric):
    """For the sound features made of each photo stands the training sound nearest to them.

    They come from the feature GAN of section 5.4 with the modalities swapped, of each photo of
    the eval split. A photo of a class that none of these sounds has is not counted.
    """

    heading = "From photo to sound: is it a sound of the class?"
    short = "Photo to sound"

    def measure(self, predictions: Predictions) -> Part:
        direction, images = predictions.photo_to_sound, predictions.images
        if direction is None:
            raise NotMeasured("the model goes from sound to image only")
        counted = np.isin(images.labels, direction.index_labels)
        chance = np.where(counted, _shares(direction.index_labels, images.labels), np.nan)
        return {
            "num_photos": len(images),
            "num_sounds": len(direction.index_labels),
            "chance": stats.micro_and_macro(chance, images.labels),
            "class_found": _class_found(predictions, direction, counted),
            "uncounted": uncounted(predictions, images=counted),
            "label_match": _label_match(predictions, direction),
            "missing": direction.missing,
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        def cells(row: Part) -> list[Cell]:
            accuracy, chances = row["accuracy"] or {}, part["chance"].items()
            hit = f"{row['num_hit']} of {part['num_sounds']}" if row["num_hit"] else DASH
            return [*(share(accuracy.get(mean), chance) for mean, chance in chances), Cell(hit)]

        num_counted = part["num_photos"] - part["uncounted"]["num_images"]
        rows = tabular.rows(part["class_found"], cells, f"n = {num_counted}")
        rows.append(Row("Chance", [*map(plain, part["chance"].values()), Cell(DASH)], kind="plain"))
        notes = " ".join(
            f"Not measured, {name.replace('_', ' ')}: {reason}."
            for name, reason in part["missing"].items()
        )
        tables = [
            Table(
                "Sound found for a photo",
                ["has the class", "macro", "sounds hit"],
                rows,
                legend="chance",
                after=notes,
            )
        ]
        if (match := part["label_match"]) is not None:
            tables.append(
                Table(
                    "Label match of sounds",
                    [f"top {k}" for k in match["random"]],
                    label_match.table_rows(match),
                    before=f"{match['judge']} names the likeliest of its labels for the sound "
                    "found and for the real sound of the pair. They match at top k if their k "
                    f"likeliest have one in common. {match['num_pairs']} pairs; a photo with "
                    "several sounds has their mean.",
                    legend="shuffled pairs",
                )
            )
        return tables

    def warnings(self, part: Part) -> list[str]:
        why = "the model has no sound of their class"
        return uncounted_warning(self.short, part["uncounted"], why)


def _class_found(
    predictions: Predictions, direction: PhotoToSound, counted: np.ndarray
) -> list[Part]:
    """The rows `FOUND_ROWS`, of the photos that are counted, bool [photos]."""
    images = predictions.images
    own = {name: one.labels == images.labels for name, one in direction.found.items()}
    # Of the sounds of all photos but itself.
    of_others = _shares(direction.found["generated"].labels, images.labels) * len(images)
    own["shuffled"] = (of_others - own["generated"]) / max(len(images) - 1, 1)
    own = {name: np.where(counted, values, np.nan) for name, values in own.items()}
    rates = predictions.rates(own, images)
    num_hit = {name: len(np.unique(one.ids)) for name, one in direction.found.items()}
    return part_rows(FOUND_ROWS, accuracy=rates, num_hit=num_hit)


def _label_match(predictions: Predictions, direction: PhotoToSound) -> Part | None:
    """The rows `MATCH_ROWS`. A photo with several sounds has their mean."""
    if not direction.heard:
        return None
    sounds, images = predictions.sounds, predictions.images

    def heard(ids: np.ndarray) -> np.ndarray:
        return np.stack([direction.heard[sound_id] for sound_id in ids])

    original = heard(sounds.ids[sounds.of_pair])
    of_pair = {name: heard(one.ids[images.of_pair]) for name, one in direction.found.items()}
    labels, apart = images.labels[images.of_pair], predictions.same_source
    by_pair = {name: label_match.meets(one, original) for name, one in of_pair.items()}
    by_pair["real_same_class"] = label_match.of_all_pairs(original, original, apart[:, 1:], labels)
    by_pair["shuffled"] = label_match.of_all_pairs(of_pair["generated"], original, apart)
    random = label_match.random_match(len(direction.judge.labels))
    return {
        "judge": direction.judge.name,
        "num_pairs": len(labels),
        "random": {str(k): value for k, value in random.items()},
        "rows": label_match.rows_of(MATCH_ROWS, by_pair, predictions, images),
    }


def _shares(labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The share of the labels that equal each wanted one, float [wanted]."""
    of_label = {label: np.mean(labels == label) for label in np.unique(wanted)}
    return np.array([of_label[label] for label in wanted])
