"""The sides of `benchmarks.speed.extraction`, and the files that they take."""

import contextlib
import itertools
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.speed.workers import Step, serve
from s2i_tf import spec
from s2i_tf.data.foley import causes, dataset
from s2i_tf.errors import UserError
from s2i_tf.features import weights
from s2i_tf.features.base import Modality
from s2i_tf.media import audio, image
from tfrecords_tools.engine.availability import require_beam

# By modality: the extractor, and the name of its weights.
NETS: dict[Modality, tuple[str, str]] = {
    "sound": ("soundnet_pool5", "soundnet"),
    "image": ("efficientnet_lite2_map", "efficientnet_lite2"),
}
DECODING = "reading and decoding"
PREPARING = "window, or square and resize"
ENCODING = "the picture's square as JPEG"

_JPEG_QUALITY = 90


def require() -> None:
    """Sees that what is measured is here.

    Raises:
      UserError: if a net is not in the cache, or Apache Beam is not installed.
    """
    require_beam()
    for _, name in NETS.values():
        if not weights.path(name).exists():
            raise UserError(f"{weights.path(name)} is missing; `s2i weights fetch` brings it")


def write_files(folder: pathlib.Path, num_pairs: int) -> None:
    """Sounds of 6 to 8 s at 22,050 Hz and pictures of 256 pixels, of all classes."""
    for index, name in zip(range(num_pairs), itertools.cycle(causes.CLASSES), strict=False):
        scene = causes.scene(name, index, 0)
        (folder / f"{index}.flac").write_bytes(
            audio.encode_audio(dataset.synthesize(scene), "flac")
        )
        picture = image.encode_jpeg(dataset.render(scene), _JPEG_QUALITY)
        (folder / f"{index}.jpg").write_bytes(picture)


def build(side: str, kind: str, folder: str, weights: str = "") -> tuple[Step, dict[str, Any]]:
    """A step of one side: a part with all files of the kind.

    The side `net` tells what making its batches cost, one item after the other.

    Args:
      side: `files` or `net`.
      kind: `sound`, `image` or `both`.
      folder: what `write_files` wrote.
      weights: as `s2i_tf.features` takes them; empty for the released ones.
    """
    from tfrecords_tools.engine import decode, nets, parts, rows
    from tfrecords_tools.stages import extract

    root = pathlib.Path(folder)
    chosen: list[Modality] = ["sound", "image"] if kind == "both" else [kind]
    names = tuple(
        (modality, nets.NetName("extractor", NETS[modality][0], weights)) for modality in chosen
    )
    items = [
        rows.Item(path.name, modality, path.name, path.stem, "")
        for modality in chosen
        for path in sorted(root.glob("*.flac" if modality == "sound" else "*.jpg"))
    ]
    for _, name in names:
        name.load()
    if side == "files":
        out = root / f"{kind}_out"
        out.mkdir(exist_ok=True)
        stage = extract.Extract(str(root), names)
        output = parts.Output(str(out), f"{kind}-00000-of-00001", "key")
        return lambda: stage.run(items, output), {"num_items": len(items)}

    ready, seconds = [], dict.fromkeys((DECODING, PREPARING, ENCODING), 0.0)
    for modality, name in names:
        net, chosen_items = name.load(), [item for item in items if item.modality == modality]
        decode.load(chosen_items[0], str(root))  # not counted: what only the first one takes
        with _timed(seconds, DECODING):
            decoded = [decode.load(item, str(root)) for item in chosen_items]
        with _timed(seconds, PREPARING):
            prepared = [net.prepare(one) for one in decoded]
        if modality == "image":
            with _timed(seconds, ENCODING):
                for one in decoded:
                    image.encode_jpeg(image.square(one, spec.IMAGE_SIDE), extract.JPEG_QUALITY)
        for start in range(0, len(prepared), nets.BATCH_SIZE):
            ready.append((net, np.stack(prepared[start : start + nets.BATCH_SIZE])))
    return lambda: [net(batch) for net, batch in ready], {"seconds": seconds}


@contextlib.contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Notes what the block costs the processor."""
    began = time.process_time()
    yield
    seconds[name] += time.process_time() - began


if __name__ == "__main__":
    serve(build)
