"""The sides of `benchmarks.speed.extraction`, and the files that they take."""

import itertools
import pathlib

import numpy as np

from benchmarks.speed.workers import Step, serve
from s2i_tf.data.foley import causes, dataset
from s2i_tf.errors import UserError
from s2i_tf.features import weights
from s2i_tf.features.base import Modality
from s2i_tf.media import audio, image
from tfrecords_tools.availability import require_beam

# By modality: the extractor, and the name of its weights.
NETS: dict[Modality, tuple[str, str]] = {
    "sound": ("soundnet_pool5", "soundnet"),
    "image": ("efficientnet_lite2_map", "efficientnet_lite2"),
}
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


def build(side: str, kind: str, folder: str, weights: str = "") -> tuple[Step, dict[str, int]]:
    """A step of one side: a part with all files of the kind.

    Args:
      side: `files` or `net`.
      kind: `sound`, `image` or `both`.
      folder: what `write_files` wrote.
      weights: as `s2i_tf.features` takes them; empty for the released ones.
    """
    from tfrecords_tools import decode, extract, files, nets, parts, rows

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
        source, out = root / f"{kind}-00000-of-00001.jsonl", root / f"{kind}_out"
        files.write(str(source), rows.to_lines(items))
        out.mkdir(exist_ok=True)
        stage = extract.Extract(str(root), names)
        part = parts.Part(source.name.removesuffix(".jsonl"), str(source), "key", len(items))
        return lambda: stage.run(part, parts.Output(str(out), part)), {"num_items": len(items)}

    ready = []
    for modality, name in names:
        net = name.load()
        prepared = [
            net.prepare(decode.load(item, str(root))) for item in items if item.modality == modality
        ]
        for start in range(0, len(prepared), nets.BATCH_SIZE):
            ready.append((net, np.stack(prepared[start : start + nets.BATCH_SIZE])))
    return lambda: [net(batch) for net, batch in ready], {"num_items": len(items)}


if __name__ == "__main__":
    serve(build)
