"""The extraction benchmark at toy size: both sides run the nets on the same batches."""

import numpy as np
import pytest

pytest.importorskip("apache_beam")

from benchmarks.speed import extraction, extraction_sides


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extraction")
    extraction_sides.write_files(folder, 8)
    return folder


@pytest.mark.parametrize("kind", ["sound", "image"])
def test_both_sides_give_the_same_features(folder, kind):
    from tfrecords_tools.engine import nets

    settings = {"kind": kind, "folder": str(folder), "weights": "random:0"}
    from_files, info = extraction_sides.build("files", **settings)
    ready, cost = extraction_sides.build("net", **settings)
    assert info == {"num_items": nets.BATCH_SIZE}
    assert (cost["seconds"][extraction_sides.ENCODING] > 0) == (kind == "image")
    assert len(from_files()) == nets.BATCH_SIZE
    (expected,) = ready()
    contents = (folder / f"{kind}_out" / f"{kind}-00000-of-00001.bin").read_bytes()
    first = np.frombuffer(contents[: expected[0].nbytes], "<f4")
    np.testing.assert_array_equal(first, expected[0])


def test_shares_add_up():
    row = {"what": "sounds", "more": {"num_pairs": 2, "seconds": {"decoding": 1.0, "net": 3.0}}}
    text = extraction.blocks({"rows": [row]})["shares"]
    assert text.splitlines()[2:] == ["| decoding | 500.00 ms, 25% |", "| net | 1500.00 ms, 75% |"]


def test_a_forward_pass_for_each_batch(folder):
    """Of sounds and pictures together: one pass of each net."""
    from tfrecords_tools.engine import nets

    settings = {"kind": "both", "folder": str(folder), "weights": "random:0"}
    step, _ = extraction_sides.build("files", **settings)
    loaded = [
        nets.NetName("extractor", name, "random:0").load()
        for name, _ in extraction_sides.NETS.values()
    ]
    counts = [0, 0]
    calls = [net._call for net in loaded]

    def counting(position):
        def call(batch):
            counts[position] += 1
            return calls[position](batch)

        return call

    for position, net in enumerate(loaded):
        net._call = counting(position)
    try:
        step()
    finally:
        for net, call in zip(loaded, calls, strict=True):
            net._call = call
    assert counts == [1, 1]
    assert [net._call.experimental_get_tracing_count() for net in loaded] == [1, 1]
