import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.config import LossConfig, MultimodalConfig
from s2i_tf.losses import adversarial_loss
from s2i_tf.losses.alignment import class_contrastive
from s2i_tf.losses.objective import GanBatch, GanObjective
from s2i_tf.models import build_discriminator, build_generator
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.projected import build_class_head
from s2i_tf.training.trainers.gan_trainer import GanTrainer
from s2i_tf.training.trainers.multimodal_trainer import MultimodalTrainer

SIDE = 32


def pix2pix(discriminator_weight=1.0, rates=(1e-3, 1e-3), l1_weight=10.0, ema_decay=0.0):
    keras.utils.set_random_seed(0)
    trainer = GanTrainer(
        build_generator("unet", (SIDE, SIDE, 1), (SIDE, SIDE, 1), filters=4, seed=0),
        build_discriminator("patchgan", (SIDE, SIDE, 1), (SIDE, SIDE, 1), filters=4),
        objective=GanObjective(
            adversarial_loss("vanilla"),
            LossConfig(l1_weight=l1_weight),
            discriminator_weight=discriminator_weight,
        ),
        prepare=lambda batch: GanBatch(batch["condition"], batch["target"], batch["condition"]),
        ema_decay=ema_decay,
    )
    trainer.compile(*(keras.optimizers.SGD(rate) for rate in rates))
    return trainer


@pytest.fixture
def maps(rng):
    condition, target = rng.normal(size=(2, 2, SIDE, SIDE, 1)).astype(np.float32)
    return {"condition": tf.constant(condition), "target": tf.constant(target)}


def values(model):
    return [variable.numpy() for variable in model.trainable_variables]


def moved(before, after):
    return any(np.abs(one - other).max() > 0 for one, other in zip(before, after, strict=True))


def test_the_generator_s_update_leaves_the_discriminator_alone(maps):
    trainer = pix2pix(rates=(1e-2, 0.0))
    generator, discriminator = values(trainer.generator), values(trainer.discriminator)
    trainer.train_step(maps)
    assert moved(generator, values(trainer.generator))
    assert not moved(discriminator, values(trainer.discriminator))


def test_the_discriminator_s_update_leaves_the_generator_alone(maps):
    trainer = pix2pix(rates=(0.0, 1e-2))
    generator, discriminator = values(trainer.generator), values(trainer.discriminator)
    trainer.train_step(maps)
    assert not moved(generator, values(trainer.generator))
    assert moved(discriminator, values(trainer.discriminator))


@pytest.mark.parametrize("rates", [(1e-2, 0.0), (0.0, 1e-2)])
def test_a_classifier_learns_with_the_discriminator_and_not_with_the_generator(rates, rng):
    keras.utils.set_random_seed(0)
    head = build_class_head((4, 4, 3), 2)
    pictures = keras.Input((SIDE, SIDE, 3))
    maps = [keras.layers.AveragePooling2D(SIDE // side)(pictures) for side in (8, 4)]
    trainer = GanTrainer(
        build_generator("unet", (SIDE, SIDE, 1), (SIDE, SIDE, 3), filters=4, seed=0),
        build_discriminator("projected", (2,), [(8, 8, 3), (4, 4, 3)], filters=4),
        objective=GanObjective(
            adversarial_loss("hinge"),
            LossConfig(class_weight=1.0),
            classifier=head,
            backbone=keras.Model(pictures, maps),
            through_backbone=True,
        ),
        prepare=lambda batch: GanBatch(*batch),
    )
    trainer.compile(*(keras.optimizers.SGD(rate) for rate in rates))
    before = values(head)
    batch = [rng.normal(size=(2, SIDE, SIDE, num)) for num in (1, 3)]
    trainer.train_step([tf.constant(value, tf.float32) for value in (*batch, np.eye(2))])
    assert moved(before, values(head)) == (rates[1] > 0)


def test_the_discriminator_weight_scales_its_gradient(maps):
    norms = [
        float(pix2pix(weight, rates=(0.0, 0.0)).train_step(maps)["discriminator_gradient_norm"])
        for weight in (1.0, 0.001)
    ]
    assert np.isclose(norms[1] / norms[0], 0.001, rtol=1e-3)


def test_the_generator_s_gradient_is_that_of_its_whole_loss(maps):
    """Against a straightforward computation with nothing shared between the updates."""
    trainer = pix2pix(rates=(1.0, 0.0))
    before = values(trainer.generator)
    keras.utils.set_random_seed(0)
    reference = pix2pix()
    with tf.GradientTape() as tape:
        fake = reference.generator(maps["condition"], training=True)
        scores = reference.discriminator([maps["condition"], fake], training=True)
        loss = tf.reduce_mean(tf.nn.softplus(-scores))
        loss += 10.0 * tf.reduce_mean(tf.abs(maps["target"] - fake))
    expected = tape.gradient(loss, reference.generator.trainable_variables)
    logs = trainer.train_step(maps)
    for old, new, gradient in zip(before, values(trainer.generator), expected, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=2e-5)
    assert np.isclose(logs["generator_total"], loss, rtol=1e-5)


def test_a_gan_learns_a_constant_target(maps):
    trainer = pix2pix(rates=(0.05, 0.0))
    batch = {**maps, "target": tf.zeros_like(maps["target"]) + 0.5}
    step = tf.function(trainer.train_step)
    first = float(step(batch)["generator_l1"])
    for _ in range(15):
        last = float(step(batch)["generator_l1"])
    assert last < 0.7 * first


@pytest.fixture
def features(rng):
    return {
        "sound_features": tf.constant(rng.normal(size=(6, 4096)).astype(np.float32)),
        "image_features": tf.constant(rng.normal(size=(6, 4096)).astype(np.float32)),
        "label": tf.constant([0, 1, 2, 0, 1, 2]),
    }


PAPER_WEIGHTS = ("hidden_l1_weight", "before_weight", "after_weight", "label_weight")


def multimodal(**weights):
    keras.utils.set_random_seed(0)
    every = dict.fromkeys(PAPER_WEIGHTS, 0.0)
    trainer = MultimodalTrainer(
        MultimodalLayers(3, hidden_units=64, scaling="none"), MultimodalConfig(**(every | weights))
    )
    trainer.compile(optimizer=keras.optimizers.Adam(1e-3))
    return trainer


@pytest.mark.parametrize(
    ("weight", "loss"),
    [
        ("hidden_l1_weight", "hidden_l1"),
        ("before_weight", "cross_entropy_before"),
        ("after_weight", "cross_entropy_after"),
        ("label_weight", "label_cross_entropy"),
        ("class_contrastive_weight", "class_contrastive"),
        ("pair_contrastive_weight", "pair_contrastive"),
    ],
)
def test_each_multimodal_loss_alone_goes_down(weight, loss, features):
    trainer = multimodal(**{weight: 1.0})
    first = float(trainer.train_step(features)[loss])
    for _ in range(5):
        logs = trainer.train_step(features)
    assert float(logs[loss]) < first
    assert np.isclose(logs["total"], logs[loss])


def test_l1_alone_drives_the_hidden_layer_towards_zero_as_the_paper_warns(features):
    trainer = multimodal(hidden_l1_weight=1.0)
    before = np.abs(trainer.multimodal.hidden_of_sound(features["sound_features"]).after).mean()
    for _ in range(30):
        trainer.train_step(features)
    after = np.abs(trainer.multimodal.hidden_of_sound(features["sound_features"]).after).mean()
    assert after < 0.7 * before


def test_the_contrastive_losses_are_means_over_both_layers(features):
    trainer = multimodal(class_contrastive_weight=1.0)
    sound = trainer.multimodal.hidden_of_sound(features["sound_features"])
    image = trainer.multimodal.hidden_of_image(features["image_features"])
    expected = [
        float(
            class_contrastive(getattr(image, layer), getattr(sound, layer), features["label"], 0.1)
        )
        for layer in ("before", "after")
    ]
    found = float(trainer.losses_of(features)["class_contrastive"])
    assert np.isclose(found, np.mean(expected), rtol=1e-5)
    assert not np.isclose(*expected)


def test_losses_without_a_weight_change_no_update(features):
    for weight in PAPER_WEIGHTS:
        trainer = multimodal(**{weight: 1.0})
        layers = trainer.multimodal
        before = values(layers)
        trainer.train_step(features)
        for variable, old in zip(layers.trainable_variables, before, strict=True):
            is_moved = not np.array_equal(variable, old)
            assert is_moved == (weight == "label_weight" or "output" not in variable.path)


@pytest.mark.parametrize(("weight", "num_products"), [(0.0, 13), (1.0, 19)])
def test_contrastive_losses_without_a_weight_cost_no_product(weight, num_products, features):
    """A product and its weights' gradient for each modality, 4; for the scores of three hidden
    layers those and the hidden layer's gradient, 9; a contrastive loss of two layers 3 for each."""
    trainer = multimodal(
        **dict.fromkeys(PAPER_WEIGHTS, 1.0),
        class_contrastive_weight=weight,
    )
    graph = tf.function(trainer.train_step).get_concrete_function(features).graph
    assert sum(node.op == "MatMul" for node in graph.as_graph_def().node) == num_products


def test_training_leaves_features_out_as_the_dropout_says(features):
    layers = MultimodalLayers(3, hidden_units=8, scaling="none", input_dropout=0.5)
    trainer = MultimodalTrainer(layers, MultimodalConfig())
    losses = [float(trainer.losses_of(features)["hidden_l1"]) for _ in range(2)]
    assert not np.isclose(*losses)


def test_the_average_is_short_at_first_and_as_long_as_its_decay_later(maps):
    trainer = pix2pix(rates=(1e-1, 0.0), ema_decay=0.9)
    for num, new_share in ((0, 9 / 11), (200, 0.1)):
        trainer.generator_optimizer.iterations.assign(num)
        before = values(trainer.generator_ema)
        trainer.train_step(maps)
        after = zip(before, values(trainer.generator), values(trainer.generator_ema), strict=True)
        for average, weight, new_average in after:
            expected = average + new_share * (weight - average)
            np.testing.assert_allclose(new_average, expected, rtol=1e-4, atol=1e-6)
