"""A model's ears without a source of sounds: what it makes of sounds from places unknown to it.

What names a sound, and what maps it to the pictures of its class, are fitted in closed form
(`training.class_scores`). So they are fitted anew, as in training but for augmented copies, under
which any source may lie, without a source (a column of the data's `index.csv`), or without some at
a time where there are many, and are then given the sounds of those. All else stays as it was
trained.
"""

from collections.abc import Sequence

import numpy as np

from s2i_tf import features as features_lib
from s2i_tf.data import splits
from s2i_tf.evaluation.inputs import Heard, Items, LeftOutSounds, Training
from s2i_tf.models.multimodal import Hidden
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.training import class_scores, fit_hearing

MAX_FOLDS = 12
NO_SOURCES = (
    "the data do not say from which sources the training sounds are, or name but one, or but one "
    "of each class, or there is but one class"
)
NO_REFIT = "the model's ears are not those that training fits in closed form"


def refit_strength(model: SoundToImage) -> float:
    """The penalty of the model's sound layer; 0 where it, or what it hears with, was not fitted."""
    recipe = model.recipe or {}
    fitted = recipe.get("hearing") and recipe.get("multimodal", {}).get("refit_strength")
    return fitted or 0.0


def listen(
    model: SoundToImage,
    training: Training,
    others: Items,
    class_names: Sequence[str],
    seed: int = 0,
) -> LeftOutSounds | None:
    """Leaves each source out once, and listens to its sounds.

    Args:
      model: a model with a `refit_strength`.
      training: what the model was trained on; the fits are of its sounds but for one fold of
        sources.
      others: further sounds to listen to, of the eval split.
      class_names: names of the data's classes.
      seed: random seed of the folds; up to `MAX_FOLDS` sources have one of their own.

    Returns:
      The sounds of both splits; None where there are not two sources, or no class has two, or no
      two classes are left without one.
    """
    sounds, photo_vectors = training.sounds, training.image_vectors.before
    columns = ("ids", "labels", "groups", "sources", "features")
    ids, labels, groups, sources, features = (
        np.concatenate([getattr(sounds, name), getattr(others, name)]) for name in columns
    )
    # A sound whose source is not known could be of any, and has no part in this.
    folds, named = np.full(len(ids), -1), sources != ""
    folds[named] = splits.folds(sources[named].tolist(), MAX_FOLDS, f"{seed}/sources")
    features = features.astype(np.float32)  # half precision multiplies a hundred times slower
    num_folds = folds.max(initial=-1) + 1
    if num_folds < 2:
        return None
    scaled = np.asarray(model.multimodal.sound_scaler(features))
    net, num_classes = model.extractors["sound"], len(class_names)
    by_names = model.recipe["multimodal"].get("label_names")
    named_columns = features_lib.named_columns(net, class_names) if by_names else ()
    label_columns = features_lib.label_columns(net)
    photo_labels = training.images.labels
    directions, middle = class_scores.directions(photo_vectors, photo_labels, num_classes)

    def fit(inputs: np.ndarray, rows: np.ndarray, strength: float) -> class_scores.Linear:
        columns = label_columns, named_columns
        return class_scores.fit(
            inputs[rows], labels[rows], num_classes, strength, *columns, directions
        )

    fits = (np.arange(len(ids)) < len(sounds)) & (folds >= 0)
    heard, certainty = np.zeros(len(ids), int), np.zeros(len(ids))
    # As the model has it, whose matrix is divided by it.
    temperature = 1 / np.mean(np.diag(model.hearing.alike))
    linear = np.zeros((len(ids), photo_vectors.shape[1]), np.float32)
    known = np.zeros(len(ids), bool)
    for fold in range(num_folds):
        out = folds == fold
        rest = fits & ~out & ~np.isin(groups, groups[out])
        if len(np.unique(labels[rest])) < 2:
            continue  # one class is heard in everything
        known |= out & np.isin(labels, labels[rest])
        if not (known & out).any():
            continue
        scores = fit(features, rest, fit_hearing.STRENGTH)
        evidence = scores(features[out]) @ class_scores.alike(directions)
        heard[out] = evidence.argmax(axis=1)
        certainty[out] = class_scores.softmax(evidence / temperature).max(axis=1)
        of_scaled = fit(scaled, rest, refit_strength(model))
        linear[out] = class_scores.to_photos(of_scaled, directions, middle)(scaled[out])
    kept = np.flatnonzero(known)
    if not len(kept):
        return None
    vectors = Hidden(*map(np.asarray, model.multimodal.hidden_of(linear[kept])))
    return LeftOutSounds(
        Items(ids[kept], labels[kept], groups[kept], sources[kept], np.arange(len(kept))),
        Heard(heard[kept], certainty[kept]),
        vectors,
        num_folds=int(num_folds),
        num_alone=int(((folds >= 0) & ~known).sum()),
    )
