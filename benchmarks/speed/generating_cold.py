"""The parts of one `s2i generate`, timed in a process that has done nothing yet."""

import pathlib
import time

from benchmarks.speed.workers import Step, serve


def build(arguments: list[str]) -> tuple[Step, dict[str, dict[str, float]]]:
    """Goes through the command's parts once, by the same code of the library.

    Args:
      arguments: of the command line: one sound, and `--out=FOLDER`.

    Returns:
      A step that does nothing, and the seconds of each part.
    """
    sound, out = arguments[0], pathlib.Path(arguments[1].removeprefix("--out="))
    seconds: dict[str, float] = {}
    began = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal began
        seconds[name] = time.perf_counter() - began
        began = time.perf_counter()

    import tensorflow  # noqa: F401

    lap("importing TensorFlow and Keras")
    from s2i_tf import features, files
    from s2i_tf.media import audio, image, sheet
    from s2i_tf.models.sound_to_image import SoundToImage
    from s2i_tf.pretrained import REALPAIRS

    lap("importing the package and its decoders")
    model = SoundToImage.load(REALPAIRS)
    lap("reading the model")
    extractor = features.load_extractor(model.extractors["sound"])
    lap("reading the sound net")
    waveform = audio.load_waveform(sound)
    lap("decoding and resampling")
    feature = extractor(extractor.prepare(waveform)[None])
    lap("tracing and running the sound net")
    pictures = model.generate(feature)
    lap("running the generators, op by op")
    out.mkdir(parents=True, exist_ok=True)
    picture = sheet.to_uint8(pictures[0])
    files.write(out / "sound.png", image.encode_png(picture))
    files.write(out / "sheet.png", image.encode_png(sheet.contact_sheet([picture], ["sound"])))
    lap("writing the pictures")
    return lambda: None, {"seconds": seconds}


if __name__ == "__main__":
    serve(build)
