import dataclasses

import pytest

from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.evaluation import provenance
from s2i_tf.evaluation.provenance import deviations


@pytest.fixture
def info(tiny_dataset):
    return dataset_info.load(tiny_dataset)


def test_other_nets_judge_and_settings_are_named(info):
    config = Config(data="elsewhere", seed=7)
    config.image_gan.generator.filters = 24
    found = " ".join(deviations(info, "efficientnet_lite0", config.recipe()))
    assert "18 pairs of 3 classes (tiny)" in found
    assert "Features of the image: efficientnet_lite2_map; the paper uses vgg16_fc6." in found
    assert "Judge: efficientnet_lite0; the paper uses inception_resnet_v2." in found
    assert (
        "Training, image_gan, in brackets our reading of the paper: generator.filters 24 (64)."
        in found
    )
    assert "elsewhere" not in found and "seed" not in found


def test_what_is_as_in_the_paper_is_not_named(info):
    paper = dataclasses.replace(info, extractors={"sound": "soundnet_pool5", "image": "vgg16_fc6"})
    found = " ".join(deviations(paper, "inception_resnet_v2", Config(data="d").recipe()))
    for word in ("Features", "Judge", "Training"):
        assert word not in found


def test_classes_that_the_model_does_not_know_are_named_whatever_their_spelling():
    sizes = {"Dog": 3, "rain ": 2, "violin": 4, "of training": 0}
    data = {
        "overlap": dict.fromkeys(("num_groups", "num_sounds", "num_images"), 0),
        "left_out": {"num_eval_pairs": 0, "known": True},
        "splits": {"eval": {"classes": {name: {"num_pairs": num} for name, num in sizes.items()}}},
    }
    (warning,) = provenance.warnings(data, ("dog", "Rain", "cat"))
    assert warning.startswith("The model does not know 1 of the 3 classes (violin), so that")
    assert provenance.warnings(data, ("dog", "Rain", "violin")) == []


def test_an_unknown_training_is_said_to_be(info):
    assert "Training: unknown" in deviations(info, "efficientnet_lite0", None)[-1]


def test_a_recipe_of_another_version_is_compared_field_by_field(info):
    recipe = {"precision": "float", "image_gan": {"l1_weight": 3.0, "a_field_of_then": 1}}
    found = [one for one in deviations(info, "efficientnet_lite0", recipe) if "Training" in one]
    assert len(found) == 2
    assert found[0].startswith("Training, whole") and "precision 'float' ('float32')" in found[0]
    assert found[1].endswith("l1_weight 3.0 (100.0), a_field_of_then 1 (None).")
