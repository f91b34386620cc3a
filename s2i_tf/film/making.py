"""From a long sound and a model to a film: listen along it, smooth, draw, put the sound under.

Two passes over the sound, each with a piece of it in memory: the first keeps a multimodal vector
and a caption for each moment, the second draws the frames between them.
"""

import dataclasses
import functools
import itertools
import logging
import math
import os
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from s2i_tf import files, logs, spec
from s2i_tf.api import MAX_SEED, Heard, Model, of_lengths, with_lengths
from s2i_tf.errors import MediaError, UserError
from s2i_tf.film import captions, encoding
from s2i_tf.film.onsets import FluxMeter, onset_times
from s2i_tf.film.smoothing import at_times, dissolve, parts, smooth
from s2i_tf.film.windows import windows_along
from s2i_tf.iterating import batched
from s2i_tf.media import audio, image, limits, reasons, video
from s2i_tf.media.source import Source, name_of

logger = logging.getLogger(__name__)

_BATCH_SIZE = 16
_STRIP_PICTURES = 16
_DISSOLVE_SECONDS = 0.5
# The two seconds around a moment, of the window that is heard there.
_AROUND = slice(2 * spec.SAMPLE_RATE_HZ, 4 * spec.SAMPLE_RATE_HZ)
_SILENCE, _UNKNOWN = "silence", "like nothing known"
# Of a video's pictures beside the film's, in heights: no encoder takes any width.
_WIDEST = 4


@dataclasses.dataclass(frozen=True)
class FilmSettings:
    """How a film is made.

    Attributes:
      fps: pictures a second.
      hop_seconds: time between two moments at which the sound is listened to.
      smooth_seconds: standard deviation of the smoothing of what was heard; 0 smooths nothing.
      side: height and width of the pictures in the film, in pixels, even.
      beats: begin anew at every onset of the sound, with another sample and nothing smoothed
        across it.
      beside: put the video's own pictures to the left, as wide as its first one, but no wider than
        four times the height; what has another shape stands in that place with black around it.
      seed: random seed of the pictures.
    """

    fps: int = 12
    hop_seconds: float = 0.5
    smooth_seconds: float = 0.5
    side: int = 512
    beats: bool = False
    beside: bool = False
    seed: int = 0

    def __post_init__(self):
        allowed = {
            "fps": (1 <= self.fps <= 60, "1 to 60"),
            "hop_seconds": (0.05 <= self.hop_seconds <= 60, "0.05 to 60 seconds"),
            "smooth_seconds": (0 <= self.smooth_seconds <= 60, "0 to 60 seconds"),
            "side": (
                64 <= self.side <= 2048 and self.side % 2 == 0,
                "an even number from 64 to 2048",
            ),
            "seed": (0 <= self.seed <= MAX_SEED, f"0 to {MAX_SEED}"),
        }
        for name, (fits, choice) in allowed.items():
            if not fits:
                raise UserError(f"{name} of a film is {getattr(self, name)}. Choose {choice}.")


@dataclasses.dataclass(frozen=True)
class HeardAlong:
    """What was heard along a sound, at moments `hop_seconds` apart.

    Attributes:
      class_names: the classes that the model knows.
      probabilities: of each class at each moment, float32 [moments, classes].
      known_scores: how much each moment is like what the model knows, float32 [moments].
      vectors: multimodal vectors of the moments, float32 [moments, hidden units].
      silent: whether it is silent around a moment, bool [moments]; what was heard before goes on.
      onsets: seconds at which something begins, ascending.
      hop_seconds: time between two moments.
      duration_seconds: length of the sound.
    """

    class_names: tuple[str, ...]
    probabilities: np.ndarray
    known_scores: np.ndarray
    vectors: np.ndarray
    silent: np.ndarray
    onsets: np.ndarray
    hop_seconds: float
    duration_seconds: float

    def captions(self, smooth_seconds: float) -> list[captions.Caption]:
        """What was heard when: the likeliest class, smoothed, where the sound is known."""
        columns = np.column_stack([self.probabilities, self.known_scores])
        smoothed = smooth(columns, self.hop_seconds, smooth_seconds, np.zeros(0))
        names = [self.class_names[at].replace("_", " ") for at in smoothed[:, :-1].argmax(axis=1)]
        texts = [
            _SILENCE if silent else name if known else _UNKNOWN
            for silent, known, name in zip(
                self.silent, smoothed[:, -1] >= spec.KNOWN_SCORE, names, strict=True
            )
        ]
        return captions.captions(texts, self.hop_seconds, self.duration_seconds)


def make_film(
    model: Model,
    sound: Source,
    path: str | os.PathLike,
    settings: FilmSettings | None = None,
    *,
    strip: str | os.PathLike | None = None,
    subtitles: str | os.PathLike | None = None,
) -> HeardAlong:
    """Makes a film of a sound of any length, or of a video's sound.

    Args:
      model: the model that draws.
      sound: path or contents of the sound or video.
      path: the film, ending in one of `encoding.FORMATS`.
      settings: how it is made.
      strip: PNG file for a strip of its pictures over a time axis.
      subtitles: WebVTT file for what was heard when.

    Returns:
      What was heard.

    Raises:
      UserError: if a setting or name is not allowed, or the sound cannot be used.
    """
    settings = settings or FilmSettings()
    encoding.check_path(path)
    for made, suffix in ((strip, ".png"), (subtitles, ".vtt")):
        if made is not None and pathlib.Path(made).suffix.lower() != suffix:
            raise UserError(f"{made}: must end in {suffix}. Choose another name.")
    for made in filter(None, (path, strip, subtitles)):
        _check_made(made, sound)
    width = 0
    # The last half of their way to the side is Pillow's.
    pictures = functools.partial(video.frames_along, sound, enough=2 * settings.side)
    if settings.beside:
        first = next(pictures([0.0]))
        width = min(_width_at(first, settings.side), _WIDEST * settings.side)
    heard = listen(model, sound, settings.hop_seconds)
    times = np.arange(math.ceil(heard.duration_seconds * settings.fps)) / settings.fps
    kept = set(np.linspace(0, len(times), _STRIP_PICTURES, endpoint=False).astype(int))
    for_strip: list[np.ndarray] = []

    def frames() -> Iterator[np.ndarray]:
        progress = logs.Progress("drawing frames", len(times))
        drawn = draw_along(model, heard, times, settings)
        shown = pictures(times) if settings.beside else itertools.repeat(None)
        for number, (picture, own) in enumerate(zip(drawn, shown, strict=False)):
            if number in kept:
                for_strip.append(picture)
            large = _resized(picture, settings.side, settings.side)
            if own is not None:
                large = np.concatenate([_fitted(own, width, settings.side), large], axis=1)
            yield large
            progress.update(number + 1)

    encoding.write_film(path, frames(), fps=settings.fps, sound=sound)
    spoken = heard.captions(settings.smooth_seconds)
    if subtitles:
        files.write(_with_folder(subtitles), captions.web_vtt(spoken))
    if strip:
        sheet = captions.strip(for_strip, spoken, heard.duration_seconds)
        files.write(_with_folder(strip), image.encode_png(sheet, files.MADE_BY))
    return heard


def _check_made(made: str | os.PathLike, sound: Source) -> None:
    """Refuses a file that would take the sound's place, or cannot be made."""
    if isinstance(sound, (str, os.PathLike)) and files.is_same(made, sound):
        raise UserError(f"{made}: is the sound itself. Choose another name.")
    if pathlib.Path(made).is_dir():
        raise UserError(f"{made}: is a folder. Choose another name.")
    for folder in pathlib.Path(made).parents:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{made}: {folder} is no folder. Choose another name.")
    folder = next(filter(pathlib.Path.exists, pathlib.Path(made).absolute().parents))
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(
            f"{made}: nothing can be written in {folder} ({error.strerror}). Choose another folder."
        ) from None


def _with_folder(path: str | os.PathLike) -> pathlib.Path:
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def listen(model: Model, sound: Source, hop_seconds: float) -> HeardAlong:
    """Listens along a sound; where a second or more is silent, what was heard before goes on.

    Raises:
      MediaError: if the sound cannot be read, or is silent throughout.
    """
    meter, num_samples = FluxMeter(), 0

    def pieces() -> Iterator[np.ndarray]:
        nonlocal num_samples
        progress = logs.Progress("listening to seconds", round(video.probe(sound).duration_seconds))
        for piece in audio.pieces(sound):
            meter.add(piece)
            num_samples += piece.size
            yield piece
            progress.update(round(num_samples / spec.SAMPLE_RATE_HZ))

    moments: list[Heard | None] = []
    for batch in batched(windows_along(pieces(), hop_seconds), _BATCH_SIZE):
        sounding = [not limits.is_silent(window[_AROUND]) for window in batch]
        waveforms = [
            (window / spec.WAVEFORM_SCALE, spec.SAMPLE_RATE_HZ)
            for window in itertools.compress(batch, sounding)
        ]
        heard = iter(model.hear(waveforms))
        moments += [next(heard) if sounds else None for sounds in sounding]
    silent = np.array([moment is None for moment in moments])
    last = next((moment for moment in moments if moment is not None), None)
    if last is None:
        message = f"{name_of(sound)}: silent throughout; a film needs some sound"
        raise MediaError(reasons.SILENT, message)
    for index, moment in enumerate(moments):
        moments[index] = last = moment or last
    return HeardAlong(
        model.class_names,
        np.array([[dict(heard)[name] for name in model.class_names] for heard in moments], "f4"),
        np.array([heard.known_score for heard in moments], "f4"),
        np.stack([heard.before for heard in moments]),
        silent,
        onset_times(meter.flux()),
        hop_seconds,
        num_samples / spec.SAMPLE_RATE_HZ,
    )


def draw_along(
    model: Model, heard: HeardAlong, times: np.ndarray, settings: FilmSettings
) -> Iterator[np.ndarray]:
    """The pictures at times along a sound, uint8 [side, side, 3] of the model's size.

    One sample's noise throughout, or from one onset to the next where `settings.beats` is set.
    Pictures dissolve into one another: a model that draws what is typical of one class or another
    changes at once even where its vectors don't.
    """
    hop, cuts = heard.hop_seconds, heard.onsets if settings.beats else np.zeros(0)
    vectors = smooth(with_lengths(heard.vectors), hop, settings.smooth_seconds, cuts)
    samples = 1 + parts(times, cuts)

    def drawn() -> Iterator[np.ndarray]:
        for chunk in batched(range(len(times)), _BATCH_SIZE):
            at = of_lengths(at_times(vectors, hop, times[chunk], cuts))
            for sample in np.unique(samples[chunk]):
                own = samples[chunk] == sample
                yield from model.draw(at[own], sample=int(sample), seed=settings.seed)

    return dissolve(drawn(), times, min(settings.smooth_seconds, _DISSOLVE_SECONDS), cuts)


def _width_at(picture: np.ndarray, height: int) -> int:
    """How wide a picture is at another height, in pixels, even."""
    return max(2, round(height * picture.shape[1] / picture.shape[0] / 2) * 2)


def _fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture of another size; where that has another shape, whole in the middle of black."""
    if _width_at(picture, height) == width:
        return _resized(picture, width, height)
    scale = min(height / picture.shape[0], width / picture.shape[1])
    inner_height, inner_width = (max(1, round(scale * side)) for side in picture.shape[:2])
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[top : top + inner_height, left : left + inner_width] = _resized(
        picture, inner_width, inner_height
    )
    return fitted


def _resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))
