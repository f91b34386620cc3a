"""What is fuzzed: for each target, whole inputs to damage, and what is done with a damaged one.

A target is a function of an empty folder. It gives its seeds, and a function that tries one of them
and returns unless there is a finding: a `UserError` (and so a `MediaError`) is as good as a result.
"""

import contextlib
import io
import pathlib
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

import av
import numpy as np

from s2i_tf.errors import UserError


class Seed(NamedTuple):
    """An input: its name, which says what it is, and its bytes."""

    name: str
    contents: bytes

    def __repr__(self) -> str:
        """Short, for Hypothesis shows it."""
        return f"Seed({self.name}, {len(self.contents)} bytes)"


Run = Callable[[Seed], None]


def sounds(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """Sound files through every decoding backend, whole and a part of them."""
    from s2i_tf.media import audio, video

    rng = np.random.default_rng(0)
    waveform = np.float32(rng.normal(size=12_000) * 40)
    seeds = [Seed(kind, audio.encode_audio(waveform, kind)) for kind in ("wav", "flac", "mp3")]
    seeds += [Seed(kind, audio.encode_audio(waveform, kind)) for kind in ("ogg", "m4a")]
    seeds.append(Seed("rifx", _turned(seeds[0].contents)))
    for kind, subtype, endian in (
        ("W64", "PCM_24", None),
        ("RF64", "PCM_16", None),
        ("AIFF", "PCM_16", None),
        ("AIFF", "PCM_24", "LITTLE"),
        ("AIFF", "IMA_ADPCM", None),
        ("CAF", "FLOAT", None),
        ("CAF", "PCM_24", None),
        ("WAVEX", "PCM_24", None),
        ("AU", "PCM_16", "LITTLE"),
        ("NIST", "PCM_16", None),
        ("VOC", "PCM_16", None),
    ):
        file = io.BytesIO()
        with contextlib.suppress(ImportError):
            import soundfile

            samples = waveform / 256
            soundfile.write(file, samples, 22_050, subtype=subtype, endian=endian, format=kind)
            seeds.append(Seed(f"{kind} {subtype}", file.getvalue()))

    def run(seed: Seed) -> None:
        with contextlib.suppress(UserError):
            audio.load_waveform(seed.contents)
        with contextlib.suppress(UserError):
            audio.load_waveform(seed.contents, start_seconds=0.1, max_seconds=0.3)
        with contextlib.suppress(UserError):
            video.probe(seed.contents)

    return seeds, run


def _turned(wav: bytes) -> bytes:
    """A plain WAV file as its big-endian sibling, RIFX."""

    def words(part: bytes, width: int) -> bytes:
        return np.frombuffer(part, f"<u{width}").byteswap().tobytes()

    at = wav.index(b"data")
    head = b"RIFX" + wav[4:8][::-1] + b"WAVEfmt " + wav[16:20][::-1]
    fmt = words(wav[20:24], 2) + words(wav[24:32], 4) + words(wav[32:36], 2)
    return head + fmt + b"data" + wav[at + 4 : at + 8][::-1] + words(wav[at + 8 :], 2)


def films(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """Videos: their sound, a picture of them, and what they are said to hold."""
    from s2i_tf.media import audio, video

    seeds = [
        Seed(muxer, _film(muxer, *codecs))
        for muxer, *codecs in (
            ("mp4", "libx264", "aac"),
            ("matroska", "libx264", "aac"),
            ("webm", "libvpx", "libopus"),
            ("avi", "mpeg4", "libmp3lame"),
            ("mpegts", "mpeg2video", "mp2"),
            ("flv", "flv", "aac"),
        )
    ]

    def run(seed: Seed) -> None:
        with contextlib.suppress(UserError):
            video.probe(seed.contents)
        with contextlib.suppress(UserError):
            video.frame_at(seed.contents, 0.5)
        with contextlib.suppress(UserError):
            audio.load_waveform(seed.contents, start_seconds=0.2, max_seconds=0.5)

    return seeds, run


def _film(muxer: str, video_codec: str, audio_codec: str) -> bytes:
    """A second of noise to see and to hear."""
    rng, file = np.random.default_rng(0), io.BytesIO()
    with av.open(file, "w", format=muxer) as output:
        pictures = output.add_stream(video_codec, rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 48, 32, "yuv420p"
        track = output.add_stream(audio_codec, rate=48_000, layout="mono")
        for _ in range(25):
            noise = rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        output.mux(pictures.encode(None))
        resampler = av.AudioResampler(
            format=track.codec_context.format,
            layout="mono",
            rate=48_000,
            frame_size=track.codec_context.frame_size or 1024,
        )
        noise = np.float32(rng.normal(size=(1, 48_000)) * 0.1)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        for part in resampler.resample(frame):
            output.mux(track.encode(part))
        output.mux(track.encode(None))
    return file.getvalue()


def _of_other_light(png: bytes) -> bytes:
    """A PNG with a gamma and primaries of its own, and a transparent colour."""
    chunks = {
        b"gAMA": struct.pack(">I", 100_000),
        b"cHRM": struct.pack(">8I", 31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000),
        b"tRNS": struct.pack(">3H", 1, 2, 3),
    }
    more = b"".join(
        struct.pack(">I", len(body)) + mark + body + struct.pack(">I", zlib.crc32(mark + body))
        for mark, body in chunks.items()
    )
    at = png.index(b"IDAT") - 4
    return png[:at] + more + png[at:]


def photos(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """Photos of every format, with a colour profile where it can have one."""
    from PIL import Image, ImageCms

    from s2i_tf.media import image

    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    seeds = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        file = io.BytesIO()
        with contextlib.suppress(OSError, KeyError):
            picture.save(file, kind, icc_profile=profile)
            seeds.append(Seed(kind, file.getvalue()))
    plain = io.BytesIO()
    picture.save(plain, "PNG")
    seeds.append(Seed("PNG of other light", _of_other_light(plain.getvalue())))
    grey = Image.fromarray(rng.normal(size=(24, 32)).astype(np.float32))
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate"):
        file = io.BytesIO()
        grey.save(file, "TIFF", compression=compression)
        seeds.append(Seed(f"float TIFF {compression}", file.getvalue()))

    def run(seed: Seed) -> None:
        with contextlib.suppress(UserError):
            image.load_image(seed.contents)

    return seeds, run


def shards(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """Shards and the description of a data set: read for training, and verified."""
    import hashlib

    import tensorflow as tf

    from s2i_tf import spec
    from s2i_tf.data import arrays, dataset_info, schema
    from s2i_tf.media import image
    from tfrecords_tools import verify

    rng = np.random.default_rng(0)
    prints = {"sound_fingerprint": "0" * 16, "image_fingerprint": "1" * 16}
    splits = {}
    for split in spec.SPLITS:
        records = [
            schema.encode(
                schema.PairRecord(
                    id=f"{split}/{number}",
                    label=0,
                    group=f"{split}{number}",
                    sound_features=rng.random(spec.FEATURE_SIZE),
                    image_features=rng.random(spec.FEATURE_SIZE),
                    image=image.encode_jpeg(np.zeros((8, 8, 3), np.uint8)),
                    sound_id=f"{split}/{number}.wav",
                    image_id=f"{split}/{number}.jpg",
                    **prints,
                )
            )
            for number in range(2)
        ]
        name = f"x-{split}.tfrecord-00000-of-00001"
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for record in records:
                writer.write(record)
        contents = (folder / name).read_bytes()
        sha256 = hashlib.sha256(contents).hexdigest()
        splits[split] = (dataset_info.Shard(name, 2, len(contents), sha256),)
    info = dataset_info.DatasetInfo(
        name="x",
        class_names=("a",),
        feature_dtype="float16",
        fingerprints=prints,
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
        splits=splits,
        source=str(folder),
    )
    info.save(folder)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    seeds = [Seed(name, contents) for name, contents in sorted(whole.items())]

    def run(seed: Seed) -> None:
        (folder / seed.name).write_bytes(seed.contents)
        try:
            with contextlib.suppress(UserError):
                verify.verify(str(folder))
            if len(seed.contents) != len(whole[seed.name]) and seed.name != dataset_info.FILE_NAME:
                # What only a look at the size would refuse is to be met by the readers as well.
                damaged = dataset_info.load(folder)
                size = len(seed.contents)
                for split, found in damaged.splits.items():
                    damaged.splits[split] = tuple(
                        shard.__class__(shard.file, 2, size, shard.sha256)
                        if shard.file == seed.name
                        else shard
                        for shard in found
                    )
                damaged.save(folder)
            for split in spec.SPLITS:
                with contextlib.suppress(UserError):
                    arrays.load_split(folder, split)
        finally:
            for name, contents in whole.items():
                (folder / name).write_bytes(contents)

    return seeds, run


def tables(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """CSVs of clips, and of the class folder's index."""
    from tfrecords_tools.stages import sources

    (folder / "a b.mp4").write_bytes(b"x")
    (folder / "ünï.mp4").write_bytes(b"x")
    rows = "path,start_seconds,label\na b.mp4,1.5,dog\nünï.mp4,,rain\n"
    texts = [rows, 'youtube_id,start_seconds,label\n"a b",3,"a, b"\n', "ünï.mp4,0.5,x\n"]
    seeds = [
        Seed(f"{number} {encoding}", text.encode(encoding))
        for number, text in enumerate(texts)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252")
    ]

    def run(seed: Seed) -> None:
        path = folder / "clips.csv"
        path.write_bytes(seed.contents)
        with contextlib.suppress(UserError):
            sources.list_data(str(path))

    return seeds, run


def configs(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """The configuration that a run keeps in its folder."""
    from s2i_tf import config_files
    from s2i_tf.config import Config

    path = Config().save(folder)

    def run(seed: Seed) -> None:
        path.write_bytes(seed.contents)
        with contextlib.suppress(UserError):
            config_files.load(folder).validate()

    return [Seed(path.name, path.read_bytes())], run


def models(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """The files of a small model's folder: it loads many times as fast as a real one."""
    from s2i_tf import spec
    from s2i_tf.models import build_generator
    from s2i_tf.models.multimodal import MultimodalLayers
    from s2i_tf.models.sound_to_image import SoundToImage

    vector, square = (4,), (spec.FEATURE_SIZE,)
    layers = MultimodalLayers(2, hidden_units=4)
    layers.build()
    small = SoundToImage(
        layers,
        build_generator("feature_decoder", vector, square, filters=1, seed=0),
        build_generator("decoder", square, (64, 64, 3), filters=1, seed=0),
        class_names=("one", "two"),
        fingerprints={"sound_fingerprint": "0" * 16, "image_fingerprint": "1" * 16},
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
    )
    model = small.save(folder / "model", compact=True)
    whole = {
        path.name: path.read_bytes() for path in sorted(model.iterdir()) if path.suffix != ".md"
    }

    def run(seed: Seed) -> None:
        (model / seed.name).write_bytes(seed.contents)
        try:
            with contextlib.suppress(UserError):
                SoundToImage.load(model)
        finally:
            (model / seed.name).write_bytes(whole[seed.name])

    return [Seed(name, contents) for name, contents in whole.items()], run


def tflite(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """TFLite files: what they say of themselves, and the runtime's look at them."""
    import json

    from s2i_tf.pretrained import REALPAIRS
    from s2i_tf.serving import tflite_convert, tflite_metadata
    from s2i_tf.serving.tflite import TFLiteModel

    path = folder / "x.tflite"
    function = tflite_convert.traced(lambda waveform: {"image": waveform * 2}, waveform=[1, 2])
    plain = tflite_convert.convert({"serving_default": function}, (), "float32", {})
    facts = json.loads((REALPAIRS / "model.json").read_text())
    source = tflite_metadata.add(plain, {**facts, "versions": {"s2i_tf": "1"}}, "float32")

    def run(seed: Seed) -> None:
        path.write_bytes(seed.contents)
        with contextlib.suppress(UserError):
            TFLiteModel.load(path)

    return [Seed("tflite", source)], run


def requests(folder: pathlib.Path) -> tuple[list[Seed], Run]:
    """WAV files in requests to a served model, as its graph reads them."""
    import tensorflow as tf

    from s2i_tf import spec
    from s2i_tf.media import audio
    from s2i_tf.serving import wav

    window = tf.function(
        lambda contents: wav.feature_window(contents, spec.FEATURE_SAMPLES),
        [tf.TensorSpec([], tf.string)],
        autograph=False,
    )
    waveform = np.float32(np.random.default_rng(0).normal(size=9_000) * 40)
    contents = audio.encode_audio(waveform, "wav")

    def run(seed: Seed) -> None:
        with contextlib.suppress(tf.errors.InvalidArgumentError):  # how a graph refuses
            window(seed.contents)

    return [Seed("wav", contents)], run


TARGETS: dict[str, Callable[[pathlib.Path], tuple[list[Seed], Run]]] = {
    "sounds": sounds,
    "films": films,
    "photos": photos,
    "shards": shards,
    "tables": tables,
    "configs": configs,
    "models": models,
    "tflite": tflite,
    "requests": requests,
}
