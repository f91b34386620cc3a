"""What each quantisation costs and saves: one table for the chain and each of its parts.

python -m export.tflite_sweep --model=RUN --data=DATA --out=OUT [--judge=efficientnet_lite0]
    [--num_sounds=100] [--num_runs=30]

For every quantisation the whole chain (waveform to picture) and each part alone become TFLite
models. Measured are size, latency of one call at one and two threads (median), the worst and mean
difference from Keras on eval sounds of DATA, and for the chain the label match of its pictures with
the original photos (paper section 5.4). Differences of pictures are in their range of [0, 1], those
of features in standard deviations. OUT gets sweep.md, sweep.json and pictures.png, the pictures
side by side.
"""

import argparse
import dataclasses
import logging
import pathlib
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from s2i_tf import features, files, spec
from s2i_tf.data import dataset_info, pipeline, source_sounds
from s2i_tf.errors import told_by
from s2i_tf.evaluation.judge import TOP_KS, Judge
from s2i_tf.evaluation.metrics import label_match
from s2i_tf.features.base import Classifier, Extractor
from s2i_tf.media import image
from s2i_tf.media.sheet import contact_sheet, to_uint8
from s2i_tf.models import feature_map
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving import (
    exported,
    saved_model,
    tflite_convert,
    tflite_export,
    tflite_metadata,
    wav,
)
from s2i_tf.serving.tflite import WAVEFORM_SIGNATURE, interpreter

logger = logging.getLogger(__name__)

CHAIN = "whole chain"
KERAS = "keras"
NUM_THREADS = (1, 2)
_SHOWN = 6
_WARM_UP_RUNS = 3


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of the chain: a traceable function of one input, and whether it gives pictures."""

    function: Callable[[tf.Tensor], tf.Tensor]
    is_picture: bool = False


@dataclasses.dataclass(frozen=True)
class Sounds:
    """Eval sounds: windows [num, 132300] in [-1, 1] and the photos of their pairs, uint8."""

    windows: np.ndarray
    photos: np.ndarray


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the sweep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("model", "data", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--judge", default="efficientnet_lite0")
    parser.add_argument("--num_sounds", type=int, default=100)
    parser.add_argument("--num_runs", type=int, default=30, help="calls that latency is taken of")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with told_by("tflite_sweep"):
        model, extractor = saved_model.load_with_net(arguments.model)
        saved_model.check_extractor(model, extractor)
        judge = features.load_classifier(arguments.judge)
        sounds = eval_sounds(arguments.data, arguments.num_sounds)
        calibration = tflite_export.training_windows(
            arguments.data, tflite_export.NUM_CALIBRATION_SOUNDS
        )
    rows, pictures = sweep(
        tflite_convert.convertible(model), extractor, judge, sounds, calibration, arguments.num_runs
    )
    write(pathlib.Path(arguments.out), rows, pictures, sounds)
    print(table(rows))


def eval_sounds(data: str, num: int) -> Sounds:
    """Sounds and photos of `num` pairs, spread evenly over the eval split.

    Raises:
      UserError: if the data set, or a sound of it, is not there.
    """
    split = pipeline.load_split(data, spec.EVAL_SPLIT)
    info = dataset_info.load(data)
    total = len(split["sound_id"])
    chosen = np.unique(np.linspace(0, total - 1, min(num, total)).astype(int))
    waveforms = [source_sounds.load_sound(info, name) for name in split["sound_id"][chosen]]
    return Sounds(exported.windows(waveforms), split["image"][chosen])


def chain_parts(model: SoundToImage, extractor: Extractor) -> dict[str, Part]:
    """The pieces in their order; each takes what the one before gives."""

    def sound_net(waveform):
        return extractor.model(wav.scaled(waveform), training=False)

    def feature_gan(condition):
        return feature_map.run(model.feature_generator, condition)

    def image_gan(image_features):
        condition = feature_map.lay_out(image_features, model.image_generator)
        return (model.image_generator(condition, training=False) + 1) / 2

    return {
        "sound net": Part(sound_net),
        "multimodal layers": Part(model.multimodal.condition_of_sound),
        "feature GAN": Part(feature_gan),
        "image GAN": Part(image_gan, is_picture=True),
    }


def sweep(
    model: SoundToImage,
    extractor: Extractor,
    judge: Classifier,
    sounds: Sounds,
    calibration: np.ndarray,
    num_runs: int,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Measures everything.

    Args:
      model: the trained model, as `tflite_convert.convertible` gives it.
      extractor: the model's sound net.
      judge: classifier whose labels of pictures and photos are compared.
      sounds: to compare on.
      calibration: windows [num, 132300] in [-1, 1] for full int8.
      num_runs: calls that a latency is the median of.

    Returns:
      The table's rows, and the chain's pictures of the sounds by quantisation and for `keras`.
    """
    parts = chain_parts(model, extractor)
    image_judge = Judge(judge)
    seen = image_judge.look(sounds.photos).labels
    stages = intermediate(parts, sounds.windows)
    calibrations = intermediate(parts, calibration)
    nets = (extractor.model, *model.sound_parts)
    pictures = {KERAS: stages[-1]}
    rows = [{"part": CHAIN, "quantization": KERAS, **match(image_judge, stages[-1], seen)}]
    functions = tflite_export.chain_functions(model, extractor.model)
    examples = tflite_export.chain_examples(model, extractor, calibration)
    for quantization in tflite_export.QUANTIZATIONS:
        contents = tflite_convert.convert(functions, nets, quantization, examples)
        contents = tflite_metadata.add(contents, saved_model.facts(model), quantization)
        row, drawn = measure(contents, WAVEFORM_SIGNATURE, stages[0], num_runs)
        pictures[quantization] = drawn
        row |= differences(drawn, stages[-1], is_picture=True) | match(image_judge, drawn, seen)
        rows.append({"part": CHAIN, "quantization": quantization, **row})
        logger.info("%s, %s: %.1f MiB", CHAIN, quantization, row["mib"])
        for position, (name, part) in enumerate(parts.items()):
            given, expected = stages[position : position + 2]
            contents = convert_part(part, nets, quantization, given, calibrations[position])
            row, got = measure(contents, WAVEFORM_SIGNATURE, given, num_runs)
            row |= differences(got, expected, part.is_picture)
            rows.append({"part": name, "quantization": quantization, **row})
            logger.info("%s, %s: %.1f MiB", name, quantization, row["mib"])
    return rows, pictures


def intermediate(parts: dict[str, Part], windows: np.ndarray) -> list[np.ndarray]:
    """The windows, and what Keras makes of them after each part."""
    stages = [windows]
    for part in parts.values():
        call = tf.function(part.function, autograph=False, reduce_retracing=True)
        stages.append(np.concatenate([call(tf.constant(row[None])).numpy() for row in stages[-1]]))
    return stages


def convert_part(
    part: Part, nets: tuple, quantization: str, given: np.ndarray, calibration: np.ndarray
) -> bytes:
    """A part as a TFLite model with one signature, of input `given` and output `made`."""
    function = tflite_convert.traced(
        lambda given: {"made": part.function(given)}, given=[1, *given.shape[1:]]
    )
    examples = {WAVEFORM_SIGNATURE: [{"given": row[None]} for row in calibration]}
    return tflite_convert.convert({WAVEFORM_SIGNATURE: function}, nets, quantization, examples)


def measure(
    contents: bytes, signature: str, given: np.ndarray, num_runs: int
) -> tuple[dict[str, float], np.ndarray]:
    """Size and latencies of a TFLite model, and what it makes of the inputs."""
    row = {"mib": len(contents) / 2**20}
    with tempfile.NamedTemporaryFile(suffix=tflite_export.ENDING) as file:
        file.write(contents)
        file.flush()
        for num_threads in NUM_THREADS:
            model = interpreter().Interpreter(file.name, num_threads=num_threads)
            runner = model.get_signature_runner(signature)
            (name,) = runner.get_input_details()
            seconds = []
            for run in range(_WARM_UP_RUNS + num_runs):
                began = time.perf_counter()
                runner(**{name: given[run % len(given)][None]})
                seconds.append(time.perf_counter() - began)
            row[f"ms_{num_threads}_threads"] = 1000 * float(np.median(seconds[_WARM_UP_RUNS:]))
        made = [next(iter(runner(**{name: one[None]}).values())) for one in given]
    return row, np.concatenate(made)


def differences(got: np.ndarray, expected: np.ndarray, is_picture: bool) -> dict[str, float]:
    """The worst and the mean absolute difference; of features in standard deviations."""
    difference = np.abs(got - expected) / (1.0 if is_picture else expected.std())
    return {"worst": float(difference.max()), "mean": float(difference.mean())}


def match(judge: Judge, pictures: np.ndarray, seen: np.ndarray) -> dict[str, float]:
    """The label match of pictures in [0, 1] with what the judge has seen in the originals."""
    labels = judge.look(to_uint8(pictures)).labels
    return {f"top_{k}": float(hit.mean()) for k, hit in label_match.meets(labels, seen).items()}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    columns = {
        "mib": ("MiB", "{:.1f}"),
        "ms_1_threads": ("ms, 1 thread", "{:.0f}"),
        "ms_2_threads": ("ms, 2 threads", "{:.0f}"),
        "worst": ("worst difference", "{:.2g}"),
        "mean": ("mean difference", "{:.2g}"),
        **{f"top_{k}": (f"match top {k}", "{:.1%}") for k in TOP_KS},
    }
    titles = ["part", "quantisation", *(title for title, _ in columns.values())]
    lines = [titles, ["---"] * len(titles)]
    parts = list(dict.fromkeys(row["part"] for row in rows))
    for row in sorted(rows, key=lambda row: parts.index(row["part"])):
        cells = [form.format(row[key]) if key in row else "" for key, (_, form) in columns.items()]
        lines.append([row["part"], row["quantization"], *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write(
    out: pathlib.Path, rows: list[dict[str, Any]], pictures: dict[str, np.ndarray], sounds: Sounds
) -> None:
    """Writes sweep.md, sweep.json and pictures.png."""
    out.mkdir(parents=True, exist_ok=True)
    files.write(out / "sweep.md", table(rows))
    files.write_json(out / "sweep.json", rows)
    shown, captions = [], []
    last = len(sounds.photos) - 1
    for index in np.linspace(0, last, min(_SHOWN, 1 + last)).astype(int):
        shown += [sounds.photos[index], *(to_uint8(drawn[index]) for drawn in pictures.values())]
        captions += ["original", *pictures]
    sheet = contact_sheet(shown, captions, num_columns=1 + len(pictures))
    files.write(out / "pictures.png", image.encode_png(sheet))


if __name__ == "__main__":
    main()
