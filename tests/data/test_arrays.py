import collections
import itertools

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import arrays, dataset_info, pipeline, schema
from s2i_tf.errors import UserError

NUM_TRAIN = 12


def first(batches, num):
    return list(itertools.islice(iter(batches), num))


def keys_of(pictures):
    """The number that the fixture wrote into each picture."""
    return pictures[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("split", spec.SPLITS)
def test_a_split_is_what_tensorflow_reads(split, tiny_dataset):
    expected = pipeline.load_split(tiny_dataset, split)
    found = arrays.load_split(tiny_dataset, split)
    assert set(found) == set(expected)
    for key, values in expected.items():
        assert found[key].dtype == values.dtype, key
        np.testing.assert_array_equal(found[key], values, err_msg=key)


def test_float32_features_are_read_too(make_dataset, tmp_path):
    folder = make_dataset(tmp_path / "data", feature_dtype="float32")
    expected = pipeline.load_split(folder, "eval", with_image=False)
    found = arrays.load_split(folder, "eval", with_image=False)
    np.testing.assert_array_equal(found["sound_features"], expected["sound_features"])
    assert "image" not in found


def test_a_batch_has_the_numbers_of_tensorflow_s_and_no_strings(tiny_dataset):
    batch = first(arrays.build_dataset(tiny_dataset, "train", 4), 1)[0]
    expected = next(iter(pipeline.build_dataset(tiny_dataset, "train", 4)))
    assert set(batch) == {"sound_features", "image_features", "label", "image"}
    for key, values in batch.items():
        assert (values.shape, values.dtype) == (expected[key].shape, expected[key].numpy().dtype)


@pytest.mark.parametrize("batch_size", [5, 12, 30])
def test_every_epoch_has_each_pair_once_in_another_order(batch_size, tiny_dataset):
    num_batches = -(-3 * NUM_TRAIN // batch_size)
    batches = first(arrays.build_dataset(tiny_dataset, "train", batch_size), num_batches)
    rows = [row for batch in batches for row in keys_of(batch["image"])]
    epochs = [rows[start : start + NUM_TRAIN] for start in range(0, 3 * NUM_TRAIN, NUM_TRAIN)]
    assert all(sorted(epoch) == list(range(NUM_TRAIN)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (arrays.build_dataset, {}),
        (arrays.build_balanced_dataset, {}),
        (arrays.build_balanced_dataset, {"repair_pairs": True}),
    ],
)
def test_batches_depend_on_the_seed_and_their_number_alone(build, options, tiny_dataset):
    def batches(seed, skip_batches=0):
        made = build(tiny_dataset, "train", 5, seed=seed, skip_batches=skip_batches, **options)
        return first(made, 6)

    whole, again, later, other = batches(1), batches(1), batches(1, 4), batches(2)
    for one, same in [*zip(whole, again, strict=True), *zip(whole[4:], later[:2], strict=True)]:
        for key in one:
            np.testing.assert_array_equal(one[key], same[key])
    assert any(
        not np.array_equal(one["image"], two["image"])
        for one, two in zip(whole, other, strict=True)
    )


@pytest.mark.parametrize("repair_pairs", [False, True])
def test_balanced_batches_share_themselves_equally_among_the_classes(repair_pairs, tiny_dataset):
    batches = first(
        arrays.build_balanced_dataset(tiny_dataset, "train", 6, repair_pairs=repair_pairs), 20
    )
    pairs = set()
    split = arrays.load_split(tiny_dataset, "train")
    for batch in batches:
        assert collections.Counter(batch["label"].tolist()) == {0: 2, 1: 2, 2: 2}
        for label, sound, image in zip(
            batch["label"], batch["sound_features"], keys_of(batch["image"]), strict=True
        ):
            row = int(np.argmax((split["sound_features"] == sound).all(axis=1)))
            assert split["label"][row] == split["label"][image] == label
            pairs.add((row, image))
    together = sum(sound == image for sound, image in pairs)
    # Of four pairs a class: twelve, or most of the forty-eight that can be made of them.
    assert (together, len(pairs)) == (12, 12) if not repair_pairs else len(pairs) > 30


def test_a_shard_that_changed_is_refused(make_dataset, tmp_path):
    folder = make_dataset(tmp_path / "data")
    shard = next(folder.glob("*train*"))
    contents = bytearray(shard.read_bytes())
    contents[len(contents) // 2] ^= 1
    shard.write_bytes(contents)
    with pytest.raises(
        UserError, match=r"record 6 at byte \d+ is damaged: its length has another checksum"
    ):
        arrays.load_split(folder, "train")
    shard.unlink()
    with pytest.raises(UserError, match="the shard is missing"):
        arrays.build_dataset(folder, "train", 2)


def test_records_of_other_nets_are_refused(make_dataset, tmp_path):
    folder = make_dataset(tmp_path / "data")
    info = dataset_info.load(folder)
    info.fingerprints[schema.KEY_SOUND_FINGERPRINT] = "other"
    info.save(folder)
    with pytest.raises(UserError, match="record with sound_fingerprint 's'; allowed: 'other'"):
        arrays.build_dataset(folder, "train", 2)


def test_an_error_in_a_thread_reaches_the_training(tiny_dataset):
    def make(number):
        raise UserError(f"batch {number}")

    with pytest.raises(UserError, match="batch 3"):
        next(iter(arrays.Batches(make, 3)))
