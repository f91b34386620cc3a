import numpy as np
import pytest

from s2i_tf.data import dataset_info, pipeline, source_sounds
from s2i_tf.evaluation import heldout
from s2i_tf.evaluation.on_disk import Scratch


def test_a_sound_of_several_pairs_is_one_item():
    columns = {
        "sound_id": np.array(["y", "x", "y", "y"], object),
        "image_id": np.array(["p", "q", "r", "p"], object),
        "label": np.array([1, 0, 1, 1]),
        "group": np.array(["y", "x", "y", "y"], object),
        "sound_features": np.arange(4.0)[:, None],
    }
    index = {"x": {"source": "there"}}
    sounds = heldout.items_of(columns, "sound", index)
    assert sounds.ids.tolist() == ["x", "y"] and sounds.labels.tolist() == [0, 1]
    assert sounds.features[:, 0].tolist() == [1, 0]
    assert sounds.ids[sounds.of_pair].tolist() == ["y", "x", "y", "y"]
    assert sounds.sources.tolist() == ["there", ""] and sounds.first_pair.tolist() == [1, 0]
    images = heldout.items_of(columns, "image")
    assert images.ids.tolist() == ["p", "q", "r"] and images.features is None


def test_frames_of_a_film_are_of_the_recording_that_its_sounds_are_of():
    columns = {
        "sound_id": np.array(["a.mp4#t=0", "a.mp4#t=6", "rain.wav"], object),
        "image_id": np.array(["a.mp4#t=3", "a.mp4#t=9", "wet.jpg"], object),
        "label": np.array([0, 0, 1]),
        "group": np.array(["trip", "trip", "storm"], object),
    }
    assert heldout.items_of(columns, "image").groups.tolist() == ["trip", "trip", "wet.jpg"]
    assert heldout.items_of(columns, "sound").groups.tolist() == ["trip", "trip", "storm"]


def test_augmented_copies_of_training_sounds_stand_for_nothing(tiny_dataset, tmp_path, monkeypatch):
    def marked(*args, **settings):
        for batch in split_batches(*args, **settings):
            some = np.arange(len(batch["sound_id"])) % 3 == 0
            copies = [source_sounds.view_id(name, 1) for name in batch["sound_id"]]
            yield batch | {"sound_id": np.where(some, copies, batch["sound_id"])}

    split_batches = pipeline.split_batches
    info = dataset_info.load(tiny_dataset)
    whole = heldout.load(None, tiny_dataset, info, Scratch(str(tmp_path))).sides
    monkeypatch.setattr(pipeline, "split_batches", marked)
    sides = heldout.load(None, tiny_dataset, info, Scratch(str(tmp_path))).sides
    names = [side[0].ids.tolist() for side in (sides["train"], sides["eval"])]
    assert not any("#view" in name for name in names[0])
    assert 0 < len(names[0]) < len(whole["train"][0])
    assert len(names[1]) == len(whole["eval"][0])


@pytest.mark.parametrize("batch", [256, 4])
def test_features_and_photos_are_those_of_the_records(tiny_dataset, tmp_path, monkeypatch, batch):
    monkeypatch.setattr(pipeline, "_EVALUATION_BATCH", batch)
    info = dataset_info.load(tiny_dataset)
    found = heldout.load(None, tiny_dataset, info, Scratch(str(tmp_path)))
    for split, (sounds, images) in found.sides.items():
        columns = pipeline.load_split(tiny_dataset, split)
        for items, modality in ((sounds, "sound"), (images, "image")):
            expected = heldout.items_of(columns, modality)
            assert items.ids.tolist() == expected.ids.tolist()
            assert items.features.dtype == info.feature_dtype, "as they are on disk"
            np.testing.assert_array_equal(items.features, expected.features)
        np.testing.assert_array_equal(images.pictures, expected.pictures)
        assert sounds.pictures is None
