"""Does the model give back photos that it was trained on?

For each picture the nearest training photo, in pixels and in the judge's features; photos that the
model has never seen tell how near is usual. A ratio of the medians far below 1 means copies.
Pixels are in [0, 1] and their distance is the root mean square, which a blurred picture makes small
to any photo; features see that it is no copy.
"""

import numpy as np

from s2i_tf.evaluation import neighbors, stats
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, NotMeasured, Part
from s2i_tf.evaluation.metrics.tabular import Row, Table, number

NUM_CLOSEST = 20


class Memorization(Metric):
    """The median distance to the nearest training photo, of pictures and of photos never seen.

    A ratio far below 1 means copies. Blur is near to any photo in pixels, so the features
    decide.
    """

    heading = "Are they photos that it was trained on?"
    short = "Memorization"

    def measure(self, predictions: Predictions) -> Part:
        training, sounds = predictions.training, predictions.sounds
        if training is None:
            raise NotMeasured(predictions.no_training)
        of_training, images = training.judged.features, predictions.images
        nearest, apart = neighbors.nearest(predictions.generated.features, of_training)
        by_features = apart, neighbors.nearest(predictions.judged.features, of_training)[1]
        by_pixels = [
            in_pixels(pictures, training.images.pictures)[1]
            for pictures in (predictions.generated.pictures, images.pictures)
        ]
        groups, seed = (sounds.groups, images.groups), predictions.seed
        return {
            "num_training_photos": len(training.images),
            **{
                name: {
                    "generated": median(sides[0], groups[0], seed=seed),
                    "held_out": median(sides[1], groups[1], seed=seed),
                    "ratio": median_ratio(*sides, groups, seed=seed),
                }
                for name, sides in (("features", by_features), ("pixels", by_pixels))
            },
            "closest": [
                {
                    "sound_id": str(sounds.ids[position]),
                    "image_id": str(training.images.ids[nearest[position]]),
                    "feature_distance": float(apart[position]),
                    "pixel_distance": float(by_pixels[0][position]),
                }
                for position in np.argsort(apart, kind="stable")[:NUM_CLOSEST]
            ],
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        rows = [
            Row(
                title,
                [
                    *(number(part[key][side], digits) for side in ("generated", "held_out")),
                    number(part[key]["ratio"]),
                ],
                detail=f"of {part['num_training_photos']} training photos",
                brief=f"distance to training photos, {title.lower()}",
            )
            for key, title, digits in (("features", "In features", 2), ("pixels", "In pixels", 3))
        ]
        return [Table("Memorization", ["generated", "photos never seen", "ratio"], rows)]


def in_pixels(pictures: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `neighbors.nearest_pictures`, by root mean square difference; both uint8 [items, …, 3]."""
    photos, apart = neighbors.nearest_pictures(pictures, training)
    return photos, apart / 255 / np.sqrt(np.prod(pictures.shape[1:]))


def median(apart: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> stats.Estimate:
    """The median distance with its interval."""
    return stats.statistic(lambda weights: stats.medians(apart, weights), [groups], seed=seed)


def median_ratio(
    pictures: np.ndarray,
    real: np.ndarray,
    groups: tuple[np.ndarray, np.ndarray],
    *,
    seed: int = 0,
) -> stats.Estimate:
    """The median distance of pictures over that of held-out photos, with its interval.

    Args:
      pictures: distances of the pictures, float [pictures].
      real: distances of the photos, float [photos].
      groups: the recordings of the pictures and of the photos, str [items] each.
      seed: random seed of the interval.
    """
    return stats.statistic(
        lambda *weights: stats.medians(pictures, weights[0]) / stats.medians(real, weights[1]),
        groups,
        seed=seed,
    )
