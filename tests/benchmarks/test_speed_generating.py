"""The generating benchmark at toy size."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.speed import generating, generating_sides
from benchmarks.speed.comparing import in_turns
from s2i_tf.features import weights


def test_the_products_are_those_of_the_graph_and_nothing_else():
    kernel = tf.Variable(np.ones((3, 3, 2, 4), np.float32))
    matrix = tf.Variable(np.ones((4, 5), np.float32))
    back = tf.Variable(np.ones((4, 4, 3, 4), np.float32))

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, 8, 8, 2])])
    def net(x):
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME"))
        shape = tf.stack([tf.shape(x)[0], 8, 8, 3])
        picture = tf.nn.conv2d_transpose(x, back, shape, 2)
        return tf.tanh(picture), tf.reduce_mean(x, (1, 2)) @ matrix

    step, num_products = generating_sides.products(
        net.get_concrete_function(), tf.ones((6, 8, 8, 2))
    )
    assert num_products == 3
    assert step().shape in ((6, 5), (6, 8, 8, 3))


def test_shares_add_up():
    found = {
        "profiles": {"1": {"ops": {"products": 0.008, "pooling": 0.001}, "all": 0.011}},
        "rows": [{"seconds": [0.5], "against_seconds": [5.0], "more": {"peak_bytes": [2e8, 7e8]}}],
    }
    blocks = generating.blocks(found)
    shares = [int(line.split("|")[-2].strip(" %")) for line in blocks["batch-1"].splitlines()[2:]]
    assert sum(shares[:-1]) == pytest.approx(100, abs=1)
    assert shares[-1] == 100
    assert blocks["cold"].splitlines()[2:4] == [
        "| `lite` | 500 ms | 200 MB |",
        "| `tensorflow` | 5 s | 700 MB |",
    ]


def test_ops_are_timed_by_kind():
    kernel = tf.Variable(np.ones((3, 3, 2, 4), np.float32))

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, 99, 99, 2])])
    def net(x):
        x = tf.tile(tf.nn.conv2d(x, kernel, 1, "SAME"), (1, 2, 2, 1))
        return tf.exp(tf.nn.max_pool2d(x, 2, 2, "SAME"))

    waveform = tf.zeros((1, 99, 99, 2))
    seconds = generating_sides.op_seconds(net.get_concrete_function(), waveform, num_runs=2)
    assert all(took > 0 for took in seconds.values())


@pytest.mark.weights
@pytest.mark.slow
def test_all_rows_and_a_cold_run(sides_here, monkeypatch):
    if not weights.path("soundnet").exists():
        pytest.skip("SoundNet is not in the cache; `s2i weights fetch soundnet` brings it")

    def once(*sides, **settings):
        return in_turns(*sides, **settings | {"num_warm_up": 0})

    monkeypatch.setattr(generating, "in_turns", once)
    for name in ("op_seconds", "least_seconds"):
        timing = functools.partial(getattr(generating_sides, name), num_runs=2)
        monkeypatch.setattr(generating_sides, name, timing)
    found = generating.measure(batch_sizes=(1,), num_rounds=1, num_pictures=2, num_cold_runs=1)
    row, cold = found["rows"]
    assert row.more["num_products"] == 55
    assert cold.ratio > 1
    assert all(peak > 50e6 for peak in cold.more["peak_bytes"])
