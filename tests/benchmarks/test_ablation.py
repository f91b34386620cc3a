"""The study's variants, what they share, its figures against known ones, and its tables."""

import dataclasses

import numpy as np
import pytest

from benchmarks import pages
from benchmarks.ablation import __main__ as study_lib
from benchmarks.ablation import measures, tables, variants
from benchmarks.ablation.trainings import Trainings
from benchmarks.ablation.variants import (
    AROUND,
    FEATURE_GAN,
    IMAGE_GAN,
    MULTIMODAL,
    VARIANTS,
    Variant,
    build_config,
    find,
)
from s2i_tf.errors import UserError
from s2i_tf.evaluation import probes
from s2i_tf.evaluation.judge import Judge
from s2i_tf.features.base import Classifier, Fingerprint


class MeanJudge(Classifier):
    """Tells pictures apart by their mean."""

    name = "means"
    modality = "image"
    fingerprint = Fingerprint("means", "none", "mean", "logits")
    labels = tuple(f"shade {index}" for index in range(64))

    def prepare(self, item):
        return item.mean(dtype=np.float32)

    def __call__(self, batch):
        return -np.abs(batch[:, None] / 4 - np.arange(len(self.labels), dtype=np.float32) - 0.4)


@pytest.fixture(scope="module")
def material(tiny_dataset, tmp_path_factory):
    return measures.Material(
        str(tiny_dataset), Judge(MeanJudge()), tmp_path_factory.mktemp("looks")
    )


def test_every_variant_is_a_config_of_its_own():
    seen = {}
    for variant in VARIANTS:
        config = build_config(variant, "DATA", 0)
        settings = getattr(config, variant.stage)
        text = repr((variant.stage, config.precision, dataclasses.asdict(settings)))
        assert text not in seen, (variant.name, seen.get(text))
        seen[text] = variant.name
        for other in set(variants.STAGES) - {variant.stage}:
            assert getattr(config, other) == getattr(type(config)(), other)
    assert len({(variant.stage, variant.name) for variant in VARIANTS}) == len(VARIANTS)
    assert {find(stage, name).stage for stage, name in AROUND.items()} == set(variants.STAGES)


def test_every_variant_sees_as_many_pairs_as_it_says():
    for variant in VARIANTS:
        settings = getattr(build_config(variant, "DATA", 0), variant.stage)
        num_pairs = settings.num_steps * settings.batch_size
        expected = variants.NUM_PAIRS[variant.stage] * variant.times_pairs
        assert num_pairs == pytest.approx(expected, rel=0.01)


def test_no_variant_trains_on_the_judge():
    for variant in VARIANTS:
        config = build_config(variant, "DATA", 0)
        loss = getattr(getattr(config, variant.stage), "loss", None)
        assert loss is None or loss.backbone != config.judge


def test_a_field_that_does_not_exist_is_no_change():
    with pytest.raises(UserError, match="no field 'l3_weight'; did you mean 'l2_weight'|l1_weight"):
        build_config(Variant(IMAGE_GAN, "x", "x", {"loss.l3_weight": 1.0}), "DATA", 0)


def test_trainings_are_shared_where_nothing_differs(tiny_dataset, tmp_path):
    trainings = Trainings(str(tiny_dataset), tmp_path)
    for variant in VARIANTS:
        renamed = dataclasses.replace(variant, name="other", title="other", num_seeds=9)
        assert trainings.key(renamed, 0) == trainings.key(variant, 0)
        assert trainings.key(variant, 1) != trainings.key(variant, 0)
    keys = {trainings.key(variant, 0) for variant in VARIANTS}
    assert len(keys) == len(VARIANTS)
    less = Trainings(str(tiny_dataset), tmp_path, budget_share=0.5)
    assert less.key(VARIANTS[0], 0) not in keys


def test_the_other_way_is_part_of_a_gan_of_both(tiny_dataset, tmp_path):
    disco = find(FEATURE_GAN, "disco")
    config = build_config(disco, "DATA", 0)
    assert config.reverse_gan.generator == config.feature_gan.generator
    here, there = config.feature_gan.discriminator, config.reverse_gan.discriminator
    for name in ("name", "filters", "num_layers", "norm"):
        assert getattr(here, name) == getattr(there, name)
    wider = dataclasses.replace(
        disco, changes={**disco.changes, "config.reverse_gan.generator.filters": 65}
    )
    trainings = Trainings(str(tiny_dataset), tmp_path)
    assert trainings.key(wider, 0) != trainings.key(disco, 0)


def test_a_gan_depends_on_the_layers_before_it_alone(tiny_dataset, tmp_path, monkeypatch):
    trainings = Trainings(str(tiny_dataset), tmp_path)
    gan, layers = find(IMAGE_GAN, "paper"), find(MULTIMODAL, "paper")
    before = trainings.key(gan, 0), trainings.key(layers, 0)
    monkeypatch.setitem(AROUND, FEATURE_GAN, "paper")
    assert (trainings.key(gan, 0), trainings.key(layers, 0)) == before
    monkeypatch.setitem(AROUND, FEATURE_GAN, "energy")
    with_sounds = find(IMAGE_GAN, "generated_share")
    sounds_before = trainings.key(with_sounds, 0)
    monkeypatch.setitem(AROUND, FEATURE_GAN, "paper")
    assert trainings.key(with_sounds, 0) != sounds_before
    monkeypatch.setitem(AROUND, MULTIMODAL, "paper")
    assert trainings.key(gan, 0) != before[0]
    assert trainings.key(layers, 0) == before[1]


def test_features_of_known_quality(material):
    photos = material.images.features[material.photos]
    probe = probes.fit(
        material.training_images.features,
        material.training_images.labels,
        material.training_images.ids,
    )
    against = probe, material.training_images.features, material.images.features, material
    real = measures.features_against(photos, *against)
    assert real["class_of_features"]["value"] == 1
    assert real["features_ratio"]["value"] == pytest.approx(1)
    assert real["features_nearest"]["value"] == pytest.approx(1)
    copied = np.stack(
        [
            material.training_images.features[material.training_images.labels == label][0]
            for label in material.labels
        ]
    )
    table = measures.features_against(copied, *against)
    assert table["class_of_features"]["value"] == 1  # knows the class,
    # But nothing else, and by heart; the distances are differences of float32 products.
    assert table["features_ratio"]["value"] == pytest.approx(0, abs=1e-6)
    assert table["features_nearest"]["value"] == pytest.approx(0, abs=1e-6)
    constant = measures.features_against(np.zeros_like(photos) + photos[0], *against)
    assert constant["class_of_features"]["value"] == pytest.approx(1 / 3)


class Echo:
    """Draws each sound's photo, and rebuilds it in black."""

    stochastic = False

    def __init__(self, material):
        self.pictures = material.images.pictures[material.photos] / 255

    def generate(self, features):
        return self.pictures

    def images_from_features(self, features):
        return 0 * self.pictures


def test_pictures_of_known_quality(material):
    found, shown = measures.of_pictures(Echo(material), material)
    assert found["made_match_1"]["value"] == found["made_class_seen"]["value"] == 1
    assert found["rebuilt_class_seen"]["value"] == pytest.approx(1 / 3)
    assert found["made_ratio"]["value"] == pytest.approx(1)
    assert found["rebuilt_ratio"]["value"] == pytest.approx(0)
    assert found["rebuilt_kid"]["value"] > found["made_kid"]["value"]
    assert found["made_shuffled_10"] < found["made_match_10"]["value"] == 1
    assert "samples_ratio" not in found
    assert shown.shape == (2, 3, 128, 128, 3) and not shown[1].any()
    assert measures.of_real_photos(material)["made_class_seen"]["value"] == 1


@pytest.fixture
def toy(monkeypatch):
    """Every stage at toy size: little of the data set's few pairs, few filters, one step."""
    tiny = {"generator.norm": "none", "generator.dropout": 0.0, "batch_size": 2}
    tiny |= {"generator.filters": 2, "discriminator.filters": 2, "discriminator.num_layers": 1}
    players = {"generator.name": "feature_decoder", "discriminator.name": "feature_critic"}
    players |= {"discriminator.norm": "spectral"}
    layers = {"hidden_units": 8, "batch_size": 4}
    chosen = (
        Variant(MULTIMODAL, "best_units", "layers", layers, num_seeds=2),
        Variant(FEATURE_GAN, "energy", "vectors", {**tiny, **players}, judged=True),
        Variant(IMAGE_GAN, "projected_best", "pictures", {**tiny, "generator.name": "decoder"}),
    )
    monkeypatch.setattr(variants, "VARIANTS", chosen)
    monkeypatch.setattr(tables, "VARIANTS", chosen)
    monkeypatch.setattr(variants, "NUM_PAIRS", dict.fromkeys(variants.STAGES, 4))
    return chosen


def test_the_whole_study_at_toy_size_and_nothing_twice(toy, tiny_dataset, tmp_path, monkeypatch):
    def run():
        study = study_lib.Study(str(tiny_dataset), tmp_path, Judge(MeanJudge()))
        real = measures.of_real_photos(study.material)
        for rows in study.run(toy):
            blocks = study_lib.write(tmp_path, rows, real)
        return rows, blocks

    rows, blocks = run()
    assert [(row["name"], row["seed"]) for row in rows] == [
        ("best_units", 0),
        ("energy", 0),
        ("projected_best", 0),
        ("best_units", 1),
    ]
    assert all(row["seconds"]["processor"] > 0 for row in rows)
    assert {"class_of_features", "made_kid", "samples_ratio"} <= set(rows[1]["measures"])
    assert "± " in blocks[MULTIMODAL] and "real photos" in blocks[IMAGE_GAN]
    assert not list(tmp_path.glob("trainings/*/*/checkpoints"))

    monkeypatch.setattr(study_lib, "VARIANTS", toy)
    assert study_lib.write(tmp_path, *study_lib.measured_so_far(tmp_path)) == blocks

    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- {name} -->\nold\n<!-- end -->\n\n" for name in blocks))
    pages.fill(page, blocks)
    assert "old" not in page.read_text() and blocks[IMAGE_GAN] in page.read_text()
    written = study_lib.write_pictures(tmp_path, tmp_path / "page")
    names = [path.name for path in sorted((tmp_path / "page").iterdir())]
    assert (
        names
        == [name for _, name in written]
        == ["feature_gan-energy.png", "image_gan-projected_best.png"]
    )
    assert "(page/image_gan-projected_best.png)" in tables.of_pictures(written, "page")

    monkeypatch.setattr(Trainings, "get", None)  # a rerun trains nothing
    assert run()[0] == rows

    layers, features, pictures = toy
    study = study_lib.Study(str(tiny_dataset), tmp_path, Judge(MeanJudge()))
    monkeypatch.setattr(
        variants,
        "VARIANTS",
        (
            layers,
            features,
            dataclasses.replace(pictures, changes={**pictures.changes, "generator.filters": 3}),
        ),
    )
    assert study.row_key(layers, 0) == rows[0]["key"]
    assert study.row_key(features, 0) != rows[1]["key"]  # it was judged by other pictures


def test_there_is_no_report_of_nothing(tmp_path):
    with pytest.raises(UserError, match="nothing is measured"):
        study_lib.measured_so_far(tmp_path)


def test_a_page_without_the_marks_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("no marks")
    with pytest.raises(UserError, match="<!-- penalty --> is missing"):
        pages.fill(page, {"penalty": "| |"})


def test_a_line_has_mean_and_half_the_range_of_its_seeds():
    rows = [
        {
            "stage": MULTIMODAL,
            "name": "paper",
            "seed": seed,
            "num_pairs": 12_600,
            "seconds": {"processor": 10.0 + seed},
            "measures": {"image_to_sound_after": {"value": value, "low": 0, "high": 1}},
        }
        for seed, value in enumerate((0.5, 0.6, 0.7))
    ]
    rows.append({"stage": MULTIMODAL, "name": "no_l1", "seed": 0, "failed": "not finite"})
    lines = tables.of_stage(MULTIMODAL, rows).splitlines()
    assert (
        lines[2]
        == "| the paper's losses, 512 hidden units | 12,600 | 3 | 60% ± 10% | – | – | – | 11 ± 1 |"
    )
    assert lines[3].startswith("| without L1: not finite | – | 1 | – |")


def test_the_penalty_in_numbers():
    last = {
        "discriminator_gradient_norm": 2e-3,
        "generator_gradient_norm": 1.0,
        "discriminator_real_score": 9.0,
        "discriminator_fake_score": -9.0,
        "discriminator": 0.0002,
        "generator_l1": 0.79,
    }
    row = {
        "stage": FEATURE_GAN,
        "name": "paper",
        "seed": 0,
        "last": last,
        "num_discriminator_weights": 10_000,
        "measures": {"class_of_features": {"value": 0.25}},
    }
    line = tables.of_penalty([row]).splitlines()[2]
    assert line.startswith("| 0.001 | 1e-08 | 0.002 | 2e-05 | 1 | 9.00 | -9.00 | 0.00 | 0.79 |")


def test_the_probe_photos_are_a_few_of_each_class(material):
    assert np.unique(material.training_images.labels, return_counts=True)[1].max() <= 30


def test_some_variants_of_a_stage_are_chosen_by_name():
    names = ["flip", "projected_best"]
    assert [one.name for one in study_lib._chosen(IMAGE_GAN, names)] == names[::-1]
    assert study_lib._chosen(None, None) == list(VARIANTS)
    with pytest.raises(UserError, match="image_gan has no variant flop; it has paper, "):
        study_lib._chosen(IMAGE_GAN, ["flop"])
