"""The training step's benchmark: all sides do the same, and ours no more than it must."""

import collections
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.speed import step, step_profile, step_sides

SIZES = {"filters": 4, "side": 32}
# So large that an update is in proportion to its gradient: with a small one the first update is
# its sign alone, and that of a gradient near zero is chance.
EPSILON = 1.0


@pytest.fixture(scope="module")
def batch():
    condition, target = step.made_up(2, SIZES["side"])
    return {"condition": tf.constant(condition), "target": tf.constant(target)}


def build(dropout=0.0):
    return step_sides.build_trainer(**SIZES, dropout=dropout, epsilon=EPSILON)


def weights(player):
    return [value.numpy() for value in player.trainable_variables]


def test_straightforward_step_is_the_same(batch):
    trainer = build()
    plain = step_sides.Straightforward(trainer)
    for _ in range(2):
        logs = {name: float(value) for name, value in trainer.train_step(batch).items()}
        expected = {name: float(value) for name, value in plain.train_step(batch).items()}
        assert logs == pytest.approx(expected, rel=1e-4)
    for ours, other in (
        (trainer.generator, plain.generator),
        (trainer.discriminator, plain.discriminator),
    ):
        for one, another in zip(ours.weights, other.weights, strict=True):
            np.testing.assert_allclose(one.numpy(), another.numpy(), rtol=1e-4, atol=1e-6)


def test_pytorch_step_is_the_same(batch):
    torch = pytest.importorskip("torch", reason="PyTorch is for benchmarks alone")
    from benchmarks.speed import step_torch

    trainer = build()
    # PyTorch adds epsilon after it has corrected the second moment for its start at zero.
    epsilon = EPSILON / (1 - step.BETA_2) ** 0.5
    theirs = step_torch.Trainer(**SIZES, dropout=0.0, epsilon=epsilon)
    pairs = (
        (trainer.generator, theirs.generator),
        (trainer.discriminator, theirs.discriminator),
    )
    for player, other in pairs:
        of_layers = {
            layer.name: [value.numpy() for value in layer.weights] for layer in player.layers
        }
        theirs.load(other, of_layers)
        assert sum(value.numel() for value in other.parameters()) == sum(
            value.size for value in weights(player)
        )
    before = [weights(player) for player, _ in pairs]
    total, loss = theirs.train_step(
        *(step_torch.as_maps(batch[name].numpy()) for name in ("condition", "target"))
    )
    logs = trainer.train_step(batch)
    assert float(logs["generator_total"]) == pytest.approx(total, rel=1e-4)
    assert float(logs["discriminator"]) == pytest.approx(loss, rel=1e-4)
    for (player, other), start in zip(pairs, before, strict=True):
        largest = max(np.abs(a - b).max() for a, b in zip(weights(player), start, strict=True))
        assert largest > 1e-7
        for layer in player.layers:
            if layer.name not in other.parts:
                continue
            part = other.parts[layer.name]
            with torch.no_grad():
                found = [value.numpy() for value in part.parameters()]
            for ours, another in zip(layer.trainable_variables, found, strict=True):
                ours = ours.numpy()
                ours = ours if ours.ndim == 1 else ours.transpose(3, 2, 0, 1)
                np.testing.assert_allclose(ours, another, rtol=1e-5, atol=0.01 * largest)


def executed(take, batch):
    """How often each kind of operation runs in a traced step."""
    specs = {name: tf.TensorSpec(value.shape) for name, value in batch.items()}
    graph = tf.function(take, autograph=False).get_concrete_function(specs).graph
    left = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    seen = {}
    while left:
        operation = left.pop()
        if operation.name not in seen:
            seen[operation.name] = operation.type
            left += [*operation.control_inputs, *(tensor.op for tensor in operation.inputs)]
    return collections.Counter(seen.values())


def test_work_in_a_step():
    """A U-Net of 6 layers each way, a PatchGAN of 5, and nothing computed in vain."""
    trainer = step_sides.build_trainer(filters=4, side=64)
    condition, target = step.made_up(2, 64)
    kinds = executed(trainer.train_step, {"condition": condition, "target": target})
    num_variables = len(trainer.generator.trainable_variables) + len(
        trainer.discriminator.trainable_variables
    )
    # Forward: 3 of the generator, 3 × 5 of the discriminator (real, generated, generated after its
    # update); backward: 3 of transposed ones.
    assert kinds["Conv2D"] == 3 + 3 * 5 + 3
    # Forward: 3 transposed ones; backward: 2 of the generator, 2 × 4 of the discriminator's update,
    # whose inputs need none, and 5 on the way to the generator.
    assert kinds["Conv2DBackpropInput"] == 3 + 2 + 2 * 4 + 5
    # The generator's update takes none of the discriminator's.
    assert kinds["Conv2DBackpropFilter"] == 6 + 2 * 5
    # The 6 layers next to the bottleneck, once forward and twice backward.
    assert kinds["MatMul"] == 3 * 6
    # The generator's 9, and the discriminator's 3 in each of its passes.
    assert kinds["FusedBatchNormV3"] == kinds["FusedBatchNormGradV3"] == 9 + 3 * 3
    assert kinds["ResourceApplyAdam"] == kinds["L2Loss"] == num_variables
    assert not {"AssignSubVariableOp", "Square"} & set(kinds)


def test_multiplications_of_a_step():
    """At half the paper's width two thirds of those that plain convolutions take; less at it."""
    trainer = step_sides.build_trainer(filters=32, side=128)
    took, of_plain = (
        step_sides.compiled_step(one.train_step, 4, 128)[1]["flops"]
        for one in (trainer, step_sides.Straightforward(trainer))
    )
    assert took < 0.7 * of_plain


@pytest.mark.slow
def test_rows(sides_here):
    pytest.importorskip("torch", reason="PyTorch is for benchmarks alone")
    found = step.measure(batch_sizes=[2], **SIZES, num_rounds=1, num_images=2)
    assert [row.goal for row in found["rows"]] == [1.3, 1.2, 1.25, 1.2]
    built = step.blocks({**found, "rows": [dataclasses.asdict(row) for row in found["rows"]]})
    assert "convolutions" in built["profile"]
    assert built["work"].splitlines()[-1].startswith("| 2 |")


def test_parts_of_a_step_add_up_to_it():
    _, info = step_profile.build(2, "float32", **SIZES, num_steps=1)
    parts = info["parts"]
    assert {"other convolutions", "Adam", "batch norms", "gradient norms"} <= set(parts)
    assert all(took > 0 for took in parts.values())
    table = step.blocks({"rows": [], "profiles": {"2": parts}})["profile"]
    shares = [float(line.split("|")[2].strip(" %")) for line in table.splitlines()[2:-1]]
    assert sum(shares) == pytest.approx(100, abs=1)


def test_part_of_an_operation():
    names = "gradient_tape/unet_1/down1_norm_1/Mul:Mul", "unet_1/up3_conv_1/MatMul:_MklMatMul"
    parts = [step_profile.part_of(name) for name in names]
    assert parts == ["batch norms", "convolutions as matrix products, and their transforms"]
