"""The pretrained nets in a worker: loaded once a process, fed batches of one size.

A net runs on one thread. Several workers then share the cores without fighting for them, which is
faster than one net on all cores, and its numbers do not depend on how many there are: every
batch is filled up to the same size, so a vector comes out the same bit for bit whatever stands
beside it and however many workers there are.
"""

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from s2i_tf import features
from s2i_tf.features.base import Modality, Net
from s2i_tf.iterating import batched
from tfrecords_tools.engine import clock, decode, parts
from tfrecords_tools.engine.rows import Item

BATCH_SIZE = 8
_LOADING = threading.Lock()


@dataclasses.dataclass(frozen=True)
class NetName:
    """A net by name, with the digest of the fingerprint that the driver saw.

    Attributes:
      kind: `extractor` or `classifier`.
      name: name of the net as `s2i_tf.features` resolves it.
      weights: weights as `s2i_tf.features` takes them; empty for the released ones.
    """

    kind: Literal["extractor", "classifier"]
    name: str
    weights: str = ""

    def load(self) -> Net:
        """The net; the same object for the same name in one process."""
        with _LOADING:
            return _load(self)

    def config(self) -> dict[str, Any]:
        """The net's name and fingerprint for a stage's key and manifest."""
        return {"name": self.name, **dataclasses.asdict(self.load().fingerprint)}


@dataclasses.dataclass(frozen=True)
class NetStage(parts.Stage):
    """A stage that runs the net of each modality over the items of that modality.

    Attributes:
      root: folder that the items' paths are relative to.
      nets: the net for each modality.
    """

    root: str
    nets: tuple[tuple[Modality, NetName], ...]

    row_type = Item

    def config(self) -> dict[str, Any]:
        """The nets' fingerprints."""
        return {modality: name.config() for modality, name in self.nets}

    def outputs(
        self,
        items: Sequence[Item],
        output: parts.Output,
        look: Callable[[Item, np.ndarray], None] = lambda item, decoded: None,
    ) -> Iterator[tuple[Net, Item, np.ndarray]]:
        """Runs the nets.

        Args:
          items: what to read.
          output: output of the part, whose quarantine takes the items that cannot be used.
          look: function that is shown every item as it was decoded; called by several threads.

        Yields:
          The net, an item and the net's output for it, float32 [outputs].
        """
        for modality, name in self.nets:
            chosen = [item for item in items if item.modality == modality]
            if not chosen:
                continue
            net = name.load()

            def prepare(item: Item, decoded: np.ndarray, net: Net = net) -> np.ndarray:
                look(item, decoded)
                return net.prepare(decoded)

            prepared = decode.load_all(chosen, self.root, self.name, prepare, output.quarantine)
            for some in batched(prepared, BATCH_SIZE):
                batch = np.zeros((BATCH_SIZE, *some[0][1].shape), some[0][1].dtype)
                for row, (_, values) in enumerate(some):
                    batch[row] = values
                with clock.measure("net"):
                    found = net(batch)
                for (item, _), values in zip(some, found, strict=False):
                    yield net, item, values


@functools.lru_cache(maxsize=4)
def _load(name: NetName) -> Net:
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # TensorFlow is running already, with its own number
        tf.config.threading.set_intra_op_parallelism_threads(1)
    is_extractor = name.kind == "extractor"
    load = features.load_extractor if is_extractor else features.load_classifier
    return load(name.name, weights=name.weights or None)
