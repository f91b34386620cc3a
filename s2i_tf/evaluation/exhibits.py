"""What of an evaluation is shown: its examples, and the figures made of pictures."""

from collections.abc import Sequence

import numpy as np

from s2i_tf.evaluation import figures, gallery, memorising
from s2i_tf.evaluation.found import Found, draw
from s2i_tf.models.sound_to_image import SoundToImage

_NUM_FURTHER_SAMPLES = 3


def examples(
    model: SoundToImage, found: Found, shown: Sequence[int], seed: int
) -> list[gallery.Example]:
    """The sounds to show, int positions `shown`, with all that is made of them."""
    further = [
        draw(model, found.sounds.features[shown], sample, seed)
        for sample in range(1, 1 + _NUM_FURTHER_SAMPLES if model.stochastic else 1)
    ]
    names = found.judge.classifier.labels
    made = []
    for place, position in enumerate(shown):
        photo = int(found.photo_of_sound[position])
        sound_id = found.sounds.ids[position]
        labels = found.original.labels[photo], found.generated.looks.labels[position]
        made.append(
            gallery.Example(
                class_name=found.names[position],
                sound_id=sound_id,
                sound=gallery.load_sound(found.info, sound_id),
                original=found.images.pictures[photo],
                generated=(
                    found.generated.pictures[position],
                    *(sample[place] for sample in further),
                ),
                rebuilt=found.rebuilt.pictures[photo],
                original_labels={int(i): names[i] for i in labels[0]},
                generated_labels={int(i): names[i] for i in labels[1]},
            )
        )
    return made


def sheets(
    found: Found,
    nearest: memorising.Nearest | None,
    shown: Sequence[int],
    num_shown: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """The figures made of pictures, by file name; see `figures`."""
    names, class_names = found.names, found.info.class_names
    photos = found.photo_of_sound
    originals, generated = found.images.pictures[photos], found.generated
    training = found.training
    by_name: dict[str, np.ndarray | None] = {
        "dataset.png": figures.data_set(
            found.images if training is None else training.images, class_names, seed
        ),
        "rebuilt.png": figures.rebuilt(
            found.images, found.rebuilt.pictures, class_names, num_shown, seed
        ),
        "neighbours.png": figures.neighbours(
            found.images,
            found.image_vectors.after,
            found.sounds,
            found.sound_vectors.after,
            photos,
            class_names,
            num_shown,
            seed,
        ),
        "pictures.png": figures.sheet(
            originals[shown],
            generated.pictures[shown],
            [names[position] for position in shown],
            [""] * len(shown),
        ),
        "top_k.png": figures.top_k(
            found.sounds.ids, originals, generated.pictures, found.matches, names, seed
        ),
    }
    if training is not None:
        by_name["closest.png"] = figures.closest(
            generated.pictures, nearest, training.images, names, class_names
        )
        by_name |= figures.by_quality(
            found.sounds.ids, originals, generated.pictures, found.qualities, names, seed
        )
    return {name: sheet for name, sheet in by_name.items() if sheet is not None}
