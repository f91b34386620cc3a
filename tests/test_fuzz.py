"""The fuzzer's targets take what is whole, and its worker finds what is to be found."""

import pytest

pytest.importorskip("hypothesis")
pytest.importorskip("apache_beam")

from fuzz import targets, worker

SLOW = ("films", "models", "tflite")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in targets.TARGETS
    ],
)
def test_whole_inputs_are_no_findings(name, tmp_path):
    seeds, run = targets.TARGETS[name](tmp_path)
    for seed in seeds:
        assert seed.contents
        run(seed)


def test_a_fault_is_found_and_made_simple(tmp_path):
    def run(seed):
        if b"bad" not in seed.contents[3:]:
            raise IndexError("no fault without it")

    state = worker.State(tmp_path)
    state.begin(0, b"")
    seeds = [targets.Seed("text", b"good bad ugly")]
    contents, fault = worker._fuzz(seeds, run, state, 0, float("inf"))
    assert b"bad" not in contents[3:] and "IndexError: no fault" in fault and state.count > 1
    worker.save_finding(tmp_path, "x", contents, fault)
    worker.save_finding(tmp_path, "x", b"another input of the same fault", fault)
    (path,) = tmp_path.glob("x-*.bin")
    assert path.read_bytes() == contents
