"""Sides of a comparison without processes of their own."""

import functools
import importlib
import json
import sys

import pytest

from benchmarks.speed import workers


def build_side(module, settings):
    """The step of a side, and what is known of it, of settings as JSON."""
    return importlib.import_module(module).build(**json.loads(settings))


class SideHere:
    """A `Worker` whose side is built and takes its steps in this process.

    At toy size a process spends nearly all of its time on importing TensorFlow;
    `test_speed.py` tests the processes themselves.
    """

    def __init__(
        self, module, settings=None, *, num_threads=None, python=sys.executable, build=build_side
    ):
        built = build(module, json.dumps(dict(settings or {}), sort_keys=True))
        self._step, info = built if isinstance(built, tuple) else (built, {})
        self.info = json.loads(json.dumps(dict(info)))

    def take(self, num_steps=1):
        return workers.timed(self._step, num_steps)

    def close(self):
        self._step = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


@pytest.fixture
def sides_here(monkeypatch):
    """Makes the speed benchmarks build their sides in this process, equal ones once."""
    side = functools.partial(SideHere, build=functools.cache(build_side))
    for name, module in list(sys.modules.items()):
        is_benchmark = name.startswith("benchmarks.speed.") and module is not workers
        if is_benchmark and getattr(module, "Worker", None) is workers.Worker:
            monkeypatch.setattr(module, "Worker", side)
