import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.data import schema, tfrecords
from s2i_tf.errors import UserError


@pytest.fixture
def record(rng):
    picture = rng.integers(0, 256, size=(128, 128, 3), dtype=np.uint8)
    return schema.PairRecord(
        id="rain/1",
        label=2,
        group="recording 1",
        sound_features=rng.normal(size=4096).astype(np.float32),
        image_features=rng.normal(size=4096).astype(np.float32),
        image=tf.io.encode_png(picture).numpy(),
        sound_id="sounds/rain/ä 1.ogg",
        image_id="images/rain/1.jpg",
        sound_fingerprint="abc",
        image_fingerprint="def",
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-3), ("float32", 0)])
def test_a_record_survives_the_way_there_and_back(record, dtype, tolerance):
    batch = schema.parse_batch(tf.constant([schema.encode(record, dtype)] * 2), dtype)
    for key in ("sound_features", "image_features"):
        np.testing.assert_allclose(
            batch[key][1], getattr(record, key), rtol=tolerance, atol=tolerance
        )
        assert batch[key].dtype == tf.float32
    np.testing.assert_array_equal(batch["image"][0], tf.io.decode_png(record.image))
    assert batch["label"].numpy().tolist() == [2, 2]
    for key in ("id", "group", "sound_id", "image_id", "sound_fingerprint", "image_fingerprint"):
        assert batch[key].numpy()[0].decode() == getattr(record, key)


def test_a_record_s_bytes_do_not_depend_on_the_order_of_its_values(record):
    encoded = schema.encode(record)
    values = tfrecords.parse_example(encoded)
    assert tfrecords.serialize_example(dict(reversed(values.items()))) == encoded


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sound_features": np.zeros(4095)}, r"sound_features has shape \(4095,\)"),
        ({"image_features": np.full(4096, np.nan)}, "image_features of rain/1 is not finite"),
        ({"image_features": np.full(4096, 1e6)}, "not finite in float16"),
    ],
)
def test_what_a_record_cannot_hold_is_refused(record, changes, message):
    with pytest.raises(UserError, match=message):
        schema.encode(dataclasses.replace(record, **changes))


def test_an_unknown_dtype_is_refused(record):
    with pytest.raises(UserError, match="allowed: float16, float32"):
        schema.encode(record, "bfloat16")


def test_records_of_another_net_or_version_are_refused(record):
    batch = schema.parse_batch(tf.constant([schema.encode(record)]), "float16", with_image=False)
    good = {"sound_fingerprint": "abc", "image_fingerprint": "def"}
    schema.check(batch, good, "shard")
    with pytest.raises(
        UserError, match="shard: record with image_fingerprint 'def'; allowed: 'xyz'"
    ):
        schema.check(batch, good | {"image_fingerprint": "xyz"}, "shard")
    old = batch | {"version": tf.constant([0], tf.int64)}
    with pytest.raises(UserError, match="version 0; allowed: 1"):
        schema.check(old, good, "shard")
