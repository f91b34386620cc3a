"""A trained model to call: pictures of sounds, what is heard, vectors, and sounds for photos.

    model = s2i_tf.load()
    picture = model.generate("rain.wav")  # uint8 [128, 128, 3]
    model.hear("rain.wav")[0]  # ("rain", 0.93)

A sound is a path, the contents of a file or an open file of any sound or video; or a waveform in
NumPy, float in [-1, 1] or integers of full scale, [samples] or [samples, channels], as the pair
(waveform, rate in Hz) or with `rate_hz`. Of one longer than ten minutes, the first ten count. What
`hear` gives can stand for its sound, which is then not heard again. A photo is a path, the contents
of a file, an open file, or a picture uint8 [height, width, 3].

What computes is chosen when a model is loaded. `lite` needs no TensorFlow: the package's own model
has a file for it, and of another one it is made once, which takes TensorFlow, and kept in the
cache. `tensorflow` takes seconds to start. `auto` is `lite` where there is a file already. Photos
always need TensorFlow.

Where a list is given, a list comes back in its order, and `return_exceptions` puts the error of a
sound or photo that cannot be used in the place of its result, where else it is raised. A model may
be called from several threads.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any, NamedTuple

import numpy as np

from s2i_tf import given_media, runtimes, spec
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.given_media import Photo, Sound, is_picture
from s2i_tf.iterating import batched
from s2i_tf.media import heard_window
from s2i_tf.pretrained import given_or_own
from s2i_tf.runtimes import RUNTIMES, Runtime

_BATCH_SIZE = 16
MAX_SEED = 2**31 - 1


class Heard(tuple):
    """What a model hears in a sound: pairs of class name and probability, the likeliest first.

    Attributes:
      known_score: how much the sound is like those that trained the model, in [0, 1].
      known: whether that is enough for its classes to mean something.
      window_seconds: where the part that was heard begins and ends, in seconds of the sound.
      before: multimodal vector before the activation, float32 [hidden units]; pictures are drawn
        of it.
      after: multimodal vector after the activation, float32 [hidden units]; sounds and photos are
        compared by it.
    """

    known_score: float
    window_seconds: tuple[float, float]
    before: np.ndarray
    after: np.ndarray

    @property
    def known(self) -> bool:
        """Whether the sound is like anything that the model knows."""
        return self.known_score >= spec.KNOWN_SCORE


class FoundSound(NamedTuple):
    """A training sound that fits a photo.

    Attributes:
      sound: path relative to the folder of the training data.
      label: class name of the sound.
      recording: the recording that the sound was cut from.
      distance: cosine distance of its features from those made of the photo, in [0, 2].
    """

    sound: str
    label: str
    recording: str
    distance: float


class Model:
    """A trained model, as `load` gives it.

    Args:
      runtime: what computes.
      load_whole: loads what also takes photos, where the runtime does not.

    Attributes:
      class_names: the classes that it was trained on.
    """

    def __init__(self, runtime: Runtime, load_whole: Callable[[], Runtime] | None = None):
        self.class_names = runtime.class_names
        self._runtime = runtime
        self._load_whole = load_whole or (lambda: runtime)
        self._whole: Any = None
        self._image_net: Any = None
        self._lock = threading.Lock()

    @property
    def image_side(self) -> int:
        """Height and width of its pictures, in pixels."""
        return self._runtime.image_side

    def generate(
        self,
        sound: Sound | Heard | list[Sound | Heard],
        *,
        samples: int | None = None,
        seed: int = 0,
        window: str | float = "auto",
        rate_hz: int | None = None,
        return_exceptions: bool = False,
    ) -> Any:
        """Draws what may have made a sound.

        Args:
          sound: the sound, or a list of them.
          samples: how many pictures of each sound. The first is the model's one deterministic
            picture, further ones depend on `seed` and their number.
          seed: random seed of the further pictures, 0 or more.
          window: which 6 s of a longer sound are heard, see `hear`.
          rate_hz: sampling rate of waveforms that come without one.
          return_exceptions: whether errors of a list's items stand in the place of results.

        Returns:
          A picture, uint8 [side, side, 3]; with `samples` an array of them [samples, side, side,
          3]; of a list a list.

        Raises:
          UserError: if a sound cannot be used, or the model gives one picture a sound alone.
        """
        _check_number("samples", 1 if samples is None else samples, least=1)
        _check_number("seed", seed)
        window = heard_window.parse(window)

        def draw(sounds: list) -> list[np.ndarray]:
            from s2i_tf.media.sheet import to_uint8

            before = np.stack([heard.before for heard in self._listen(sounds, window)])
            pictures = to_uint8(self._runtime.draw(before, range(samples or 1), seed))
            return list(pictures if samples else pictures[:, 0])

        return _each(sound, lambda one: _read_sound(one, rate_hz, window), draw, return_exceptions)

    def hear(
        self,
        sound: Sound | list[Sound],
        *,
        window: str | float = "auto",
        rate_hz: int | None = None,
        return_exceptions: bool = False,
    ) -> Any:
        """Says what a sound is heard as.

        Args:
          sound: the sound, or a list of them.
          window: which 6 s of a longer sound are heard: `middle`, `loudest`, the second that they
            begin at, where less follows the last 6 s, or `auto`, of the loudest and the middle that
            of which the model is surest.
          rate_hz: sampling rate of waveforms that come without one.
          return_exceptions: whether errors of a list's items stand in the place of results.

        Returns:
          `Heard`; of a list a list.

        Raises:
          UserError: if a sound cannot be used.
        """
        window = heard_window.parse(window)
        return _each(
            sound,
            lambda one: _read_sound(one, rate_hz, window),
            lambda sounds: self._listen(sounds, window),
            return_exceptions,
        )

    def embed(self, item: Sound | Photo | list, *, rate_hz: int | None = None) -> Any:
        """The multimodal vector of a sound or a photo, which share one space.

        Args:
          item: a sound or a photo, or a list of them; a file is told by its contents, and an
            array is a photo if it is uint8 [height, width, 3].
          rate_hz: sampling rate of waveforms that come without one.

        Returns:
          Float32 [hidden units], the vector after the activation; of a list a list. The nearer two
          are by Euclidean distance, the better they fit (paper section 5.3).

        Raises:
          UserError: if an item cannot be used, or is a photo and the model takes sounds alone.
        """

        def read(one: Any) -> np.ndarray | Heard:
            return one if isinstance(one, Heard) else given_media.read_any(one, rate_hz)

        def embed(items: list) -> list[np.ndarray]:
            photos = [one for one in items if is_picture(one)]
            of_photos = iter(self._of_photos("embed_image")(photos) if photos else ())
            of_sounds = iter(self._listen([one for one in items if not is_picture(one)]))
            return [next(of_photos) if is_picture(one) else next(of_sounds).after for one in items]

        return _each(item, read, embed)

    def sounds_for(
        self, photo: Photo | list[Photo], *, num: int = 1, return_exceptions: bool = False
    ) -> Any:
        """Finds the training sounds that fit a photo, no two of them of one recording.

        Args:
          photo: the photo, or a list of them.
          num: how many sounds.
          return_exceptions: whether errors of a list's items stand in the place of results.

        Returns:
          A list of `FoundSound`, the nearest first; of a list of photos a list of lists.

        Raises:
          UserError: if a photo cannot be used, or the model goes from sound to image only.
        """
        _check_number("num", num, least=1)
        find = self._of_photos("find_sounds")

        def fitting(photos: list) -> list[list[FoundSound]]:
            return [[FoundSound(*one) for one in sounds] for sounds in find(photos, num)]

        return _each(photo, given_media.read_photo, fitting, return_exceptions)

    def mix(
        self,
        sounds: Sequence[Sound | Heard],
        weights: Sequence[float],
        *,
        sample: int = 0,
        seed: int = 0,
    ) -> np.ndarray:
        """Draws a mixture of sounds, blended as multimodal vectors.

        Args:
          sounds: the sounds.
          weights: how much of each counts, 0 or more; what matters is their ratio.
          sample: number of the picture: 0 is the deterministic one.
          seed: random seed of the further pictures.

        Returns:
          A picture, uint8 [side, side, 3].

        Raises:
          UserError: if a sound cannot be used, or the weights do not fit.
        """
        return self.draw(self.blend(sounds, [weights]), sample=sample, seed=seed)[0]

    def between(
        self, one: Sound | Heard, other: Sound | Heard, *, steps: int = 8, seed: int = 0
    ) -> np.ndarray:
        """Draws the way from one sound to another, all of it with the same noise.

        That is the noise of sample 1: the ends are further samples of the two sounds, not the
        pictures that `generate` gives first.

        Returns:
          Pictures, uint8 [steps, side, side, 3], the first of `one`, the last of `other`.

        Raises:
          UserError: if a sound cannot be used, or there are fewer than 2 steps.
        """
        _check_number("steps", steps, least=2)
        shares = np.linspace(0, 1, steps)
        vectors = self.blend([one, other], np.stack([1 - shares, shares], axis=1))
        return self.draw(vectors, sample=1, seed=seed)

    def blend(self, sounds: Sequence[Sound | Heard], weights: Sequence) -> np.ndarray:
        """Multimodal vectors of mixtures of sounds.

        Args:
          sounds: the sounds.
          weights: [mixtures, sounds], 0 or more; what matters is the ratio within a mixture.

        Returns:
          Float32 [mixtures, hidden units], before the activation: means of the sounds' vectors,
          as long as these are in the mean.

        Raises:
          UserError: if a sound cannot be used, or the weights do not fit.
        """
        if isinstance(sounds, (str, bytes, os.PathLike, Heard)):
            raise UserError("one sound where several are mixed. Give a list of them.")
        weights = _numbers(weights, np.float64)
        if weights.ndim != 2 or weights.shape[1] != len(sounds):
            raise UserError(f"{len(sounds)} sounds need as many weights. Give one for each.")
        largest = weights.max(axis=1, initial=0, keepdims=True)
        if not np.isfinite(weights).all() or weights.min(initial=0) < 0 or not largest.all():
            raise UserError(
                "weights of sounds must be finite numbers of 0 or more, and one of them above 0."
            )
        shares = weights / largest
        shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        heard = self.hear(list(sounds))
        return of_lengths(shares @ with_lengths(np.stack([one.before for one in heard])))

    def draw(self, vectors: np.ndarray, *, sample: int = 0, seed: int = 0) -> np.ndarray:
        """Draws multimodal vectors, such as those of `Heard` or mixtures of them.

        Args:
          vectors: float32 [num, hidden units], before the activation.
          sample: number of the picture. 0 is the deterministic one, whose noise follows from its
            vector; with another number all have the same noise. A model without noise has one
            picture for all numbers.
          seed: random seed of the noise.

        Returns:
          Pictures, uint8 [num, side, side, 3].

        Raises:
          UserError: if the vectors are no such array of finite numbers, or a number is too large.
        """
        _check_number("seed", seed)
        _check_number("sample", sample)
        vectors = _numbers(vectors, np.float32)
        if vectors.ndim != 2 or not len(vectors) or not np.isfinite(vectors).all():
            raise UserError(
                f"vectors {list(vectors.shape)}; allowed: finite numbers [num, hidden units], of "
                "one sound hear(…).before[None]"
            )
        self._check_length(vectors)
        from s2i_tf.media.sheet import to_uint8

        samples = [sample if self._runtime.stochastic else 0]
        drawn = self._runtime.draw(vectors, samples, seed)[:, 0]
        if not np.isfinite(drawn).all():
            raise UserError("vectors that are too long to be drawn; give ones of a model's length")
        return to_uint8(drawn)

    def _check_length(self, vectors: np.ndarray) -> None:
        """Refuses multimodal vectors of a model with another number of hidden units."""
        length, units = vectors.shape[-1], self._runtime.hidden_units
        if length != units:
            raise UserError(
                f"vectors of {length} values are another model's: this one has {units} hidden "
                "units. Give what it heard itself."
            )

    def _listen(
        self, sounds: list[np.ndarray | Heard], window: str | float = "auto"
    ) -> list[Heard]:
        """What was not heard yet is heard."""
        for sound in sounds:
            if isinstance(sound, Heard):
                self._check_length(sound.before)
        waveforms = [sound for sound in sounds if not isinstance(sound, Heard)]
        of_waveforms = iter(self._hear(waveforms, window) if waveforms else ())
        return [sound if isinstance(sound, Heard) else next(of_waveforms) for sound in sounds]

    def _hear(self, waveforms: list[np.ndarray], window: str | float) -> list[Heard]:
        """What is heard in the window of each that the model is surest of."""
        length = spec.FEATURE_SAMPLES
        pieces = [
            (number, start)
            for number, waveform in enumerate(waveforms)
            for start in heard_window.starts(waveform, length, window)
        ]
        found = self._runtime.listen(
            [waveforms[number][start : start + length] for number, start in pieces]
        )
        found.setdefault("known_score", np.ones(len(pieces)))  # an older file has none
        surest = found["known_score"] * found["heard"].max(axis=1)
        heard = []
        for number, waveform in enumerate(waveforms):
            rows = [row for row, piece in enumerate(pieces) if piece[0] == number]
            best = rows[int(np.argmax(surest[rows]))]
            shares, start = found["heard"][best], pieces[best][1]
            order = np.argsort(-shares, kind="stable")
            one = Heard((self.class_names[index], float(shares[index])) for index in order)
            one.known_score = float(found["known_score"][best])
            ends = start, min(start + length, len(waveform))
            one.window_seconds = tuple(end / spec.SAMPLE_RATE_HZ for end in ends)
            one.before, one.after = found["before"][best], found["after"][best]
            heard.append(one)
        return heard

    def _of_photos(self, method: str) -> Callable:
        """A method of the runtime that takes image features, as one that takes pictures."""
        from s2i_tf import features

        with self._lock:
            self._whole = self._whole or self._load_whole()
        call = getattr(self._whole, method, None)
        if call is None:
            raise UserError(
                "this exported model takes sounds alone; photos need the model's folder or its run"
            )
        if method == "find_sounds":
            self._whole.require_reverse()

        def of_pictures(pictures: list[np.ndarray], *args: Any) -> Any:
            with self._lock:
                if self._image_net is None:
                    self._image_net = features.load_same_extractor(self._whole, "image")
                net = self._image_net
            return call(net(np.stack([net.prepare(picture) for picture in pictures])), *args)

        return of_pictures


def load(
    model: str | os.PathLike | None = None, *, runtime: str = "auto", quick_start: bool = False
) -> Model:
    """Loads a trained model.

    Args:
      model: folder of a model or of the run that trained it, a SavedModel or the folder of its
        versions, or a TFLite file; by default the package's own model.
      runtime: what computes, one of `RUNTIMES`.
      quick_start: of a model for one or a few sounds, see `serving.tflite.TFLiteModel.load`; the
        other runtimes have no such choice.

    Raises:
      UserError: if there is no model, it cannot be read, or what computes it is not installed.
    """
    if runtime not in RUNTIMES:
        raise unknown_name("runtime", runtime, RUNTIMES)
    return Model(*runtimes.load(given_or_own(model), runtime, quick_start))


def with_lengths(vectors: np.ndarray) -> np.ndarray:
    """Vectors [num, size] with their lengths as one more column, so that both can be blended."""
    return np.concatenate([vectors, np.linalg.norm(vectors, axis=1, keepdims=True)], axis=1)


def of_lengths(blended: np.ndarray) -> np.ndarray:
    """Means of vectors `with_lengths`, brought to the mean length; float32 [num, size].

    The mean of two vectors is shorter than they are, and a generator knows vectors of their length.
    """
    vectors, lengths = blended[:, :-1], blended[:, -1:]
    norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return (vectors * (lengths / norms)).astype(np.float32)


def _numbers(values: Any, dtype: type) -> np.ndarray:
    """An array of numbers; of what is none, one of no dimension that is not finite."""
    try:
        return np.asarray(values, dtype)
    except (OverflowError, TypeError, ValueError):
        return np.asarray(np.nan, dtype)


def _check_number(name: str, number: int, least: int = 0) -> None:
    """Refuses what is no whole number, or what the runtimes would cut, each in its own way."""
    if not isinstance(number, (int, np.integer)) or not least <= number <= MAX_SEED:
        raise UserError(f"{name} is {number!r}; allowed: whole numbers from {least} to {MAX_SEED}")


def _each(
    given: Any, read: Callable, work: Callable[[list], Sequence], return_exceptions: bool = False
) -> Any:
    """Reads items in threads and works on batches of those that can be used."""

    def attempt(item: Any) -> Any:
        try:
            return read(item)
        except UserError as error:
            if return_exceptions:
                return error
            raise

    items = given if isinstance(given, list) else [given]
    results: list[Any] = []
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for some in batched(items, _BATCH_SIZE):
            batch = list(pool.map(attempt, some))
            usable = [item for item in batch if not isinstance(item, UserError)]
            worked = iter(work(usable) if usable else ())
            results += [item if isinstance(item, UserError) else next(worked) for item in batch]
    return results if isinstance(given, list) else results[0]


def _read_sound(
    sound: Sound | Heard, rate_hz: int | None, window: str | float
) -> np.ndarray | Heard:
    """The waveform, in which the window begins, or what was heard in it already."""
    return sound if isinstance(sound, Heard) else given_media.read_sound(sound, rate_hz, window)
