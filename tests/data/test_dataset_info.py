import json

import pytest

from s2i_tf.data import dataset_info
from s2i_tf.errors import UserError


def test_what_is_saved_is_read_again(tiny_dataset, tmp_path):
    info = dataset_info.load(tiny_dataset)
    info.save(tmp_path)
    assert dataset_info.load(tmp_path) == info
    assert (info.num_records("train"), info.num_records("eval"), info.num_classes) == (12, 6, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2; allowed: 1"),
        ({"splits": {"train": []}}, "lacks the split eval"),
        ({"surprise": 1}, "not a data set description"),
        ({"image_side": 100}, r"image_side 100; allowed: \(64, 128, 256\)"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused(tiny_dataset, tmp_path, changes, message):
    values = json.loads((tiny_dataset / dataset_info.FILE_NAME).read_text())
    (tmp_path / dataset_info.FILE_NAME).write_text(json.dumps(values | changes))
    with pytest.raises(UserError, match=message):
        dataset_info.load(tmp_path)


def test_an_older_description_has_pictures_of_128_pixels(tiny_dataset, tmp_path):
    values = json.loads((tiny_dataset / dataset_info.FILE_NAME).read_text())
    del values["image_side"]
    (tmp_path / dataset_info.FILE_NAME).write_text(json.dumps(values))
    assert dataset_info.load(tmp_path).image_side == 128


def test_what_is_no_mapping_is_refused(tmp_path):
    (tmp_path / dataset_info.FILE_NAME).write_text("[]")
    with pytest.raises(UserError, match="holds no JSON object"):
        dataset_info.load(tmp_path)


def test_noise_is_refused(tmp_path):
    (tmp_path / dataset_info.FILE_NAME).write_text("{")
    with pytest.raises(UserError, match="cannot be read as JSON"):
        dataset_info.load(tmp_path)
