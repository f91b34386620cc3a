"""WAV files inside the graph: 16-bit PCM of any rate and channel count, with core ops only.

`tf.audio.decode_wav` is core too, but stops at the first chunk that it does not expect, and its
messages do not say what is allowed. Here the header is believed only where the bytes bear it out.
"""

import tensorflow as tf

from s2i_tf import spec
from s2i_tf.media import downmix, limits
from s2i_tf.media.resample import resample
from s2i_tf.serving.checks import MAX_SECONDS, require

MAX_CHANNELS = 64
RULE = (
    "audio_bytes must be WAV files (RIFF, 16-bit PCM), "
    f"{limits.MIN_RATE_HZ} to {limits.MAX_RATE_HZ} Hz, 1 to {MAX_CHANNELS} channels, "
    f"with 1 sample to {MAX_SECONDS} s of sound"
)

# A file opens with "RIFF", a size and "WAVE"; then come chunks of an id, a size and the contents.
_FIRST_CHUNK = 12
_CHUNK_HEADER = 8
_FORMAT_BYTES = 16
_MAX_CHUNKS = 64
_PCM = 1
_EXTENSIBLE = 0xFFFE  # the kind of samples then stands in a longer format chunk
_EXTENSIBLE_KIND = 24
_BITS = 16
_BYTES = _BITS // 8
_FULL_SCALE = 2.0 ** (_BITS - 1)

# For the resampler, on either side of the window.
_MARGIN_SECONDS = 1
_BLOCK_FRAMES = 2**16  # whose energies are taken at once


def feature_window(contents: tf.Tensor, num_samples: int) -> tf.Tensor:
    """The window that features are taken from, float32 [samples] within ±256, of one WAV file.

    Equal to `audio.feature_window(audio.load_waveform(...))`, but however long the file is, only
    the seconds around the window are converted: they begin at a whole second, where an output
    sample of the resampler falls on an input sample.

    Args:
      contents: string [].
      num_samples: length of the window at 22,050 Hz.

    Raises:
      InvalidArgumentError: when the graph runs, if it is not what `RULE` says.
    """
    data_at, num_frames, num_channels, rate_hz = _sound_of(contents)
    num_out = -(-num_frames * spec.SAMPLE_RATE_HZ // rate_hz)
    start = tf.maximum(num_out - num_samples, 0) // 2
    first_second = tf.maximum(start // spec.SAMPLE_RATE_HZ - _MARGIN_SECONDS, 0)
    first_frame = first_second * rate_hz
    # Whole seconds: those of the window, another for the alignment, and the margins.
    num_seconds = -(-num_samples // spec.SAMPLE_RATE_HZ) + 1 + 2 * _MARGIN_SECONDS
    num_read = tf.minimum(num_frames - first_frame, num_seconds * rate_hz)
    channels = _frames(contents, data_at, first_frame, num_read, num_channels)
    energies = _energies(contents, data_at, num_frames, num_channels)
    cancelled = energies[0] < downmix.CANCELLED * tf.reduce_max(energies[1:])
    samples = tf.where(
        cancelled, channels[:, tf.argmax(energies[1:])], tf.reduce_mean(channels, axis=1)
    )
    waveform = resample(samples[None], rate_hz, spec.SAMPLE_RATE_HZ)
    return scaled(window(waveform, num_samples, start - first_second * spec.SAMPLE_RATE_HZ))[0]


def _energies(
    contents: tf.Tensor, data_at: tf.Tensor, num_frames: tf.Tensor, num_channels: tf.Tensor
) -> tf.Tensor:
    """Energies of the whole file as of `downmix.energies`, float64 [1 + channels]."""

    def add(at: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        num_read = tf.minimum(num_frames - at, _BLOCK_FRAMES)
        channels = _frames(contents, data_at, at, num_read, num_channels)
        together = tf.concat([tf.reduce_sum(channels, axis=1, keepdims=True), channels], axis=1)
        return at + num_read, total + tf.reduce_sum(tf.cast(together**2, tf.float64), axis=0)

    # A channel alone cancels nothing.
    start = tf.where(num_channels > 1, tf.zeros_like(num_frames), num_frames)
    none = tf.zeros(tf.stack([num_channels + 1]), tf.float64)
    _, total = tf.while_loop(lambda at, _: at < num_frames, add, (start, none))
    return total


def _frames(
    contents: tf.Tensor, data_at: tf.Tensor, first: tf.Tensor, num: tf.Tensor, channels: tf.Tensor
) -> tf.Tensor:
    """Some frames of a file as float32 [frames, channels] in [-1, 1]."""
    frame_bytes = channels * _BYTES
    part = tf.strings.substr(contents, data_at + first * frame_bytes, num * frame_bytes)
    values = tf.cast(tf.io.decode_raw(part, tf.int16), tf.float32) / _FULL_SCALE
    return tf.reshape(values, tf.stack([-1, channels]))


def scaled(samples: tf.Tensor) -> tf.Tensor:
    """Samples in [-1, 1] within ±256, as the nets take them (paper section 3)."""
    return tf.clip_by_value(
        samples * spec.WAVEFORM_SCALE, -spec.WAVEFORM_SCALE, spec.WAVEFORM_SCALE
    )


def window(waveform: tf.Tensor, num_samples: int, start: tf.Tensor | None = None) -> tf.Tensor:
    """The windows of `audio.feature_window`, for a batch inside a graph.

    Args:
      waveform: [n, samples], of one sample at least.
      num_samples: length of a window.
      start: first sample of the window in a longer waveform; that of the middle by default.

    Returns:
      [n, num_samples].
    """
    num_given = tf.shape(waveform, tf.int64)[1]
    if start is None:
        start = tf.maximum(num_given - num_samples, 0) // 2
    tiled = tf.tile(waveform, tf.stack([1, -(-num_samples // num_given)]))
    return tf.ensure_shape(tiled[:, start : start + num_samples], [None, num_samples])


def _sound_of(contents: tf.Tensor) -> list[tf.Tensor]:
    """Where the samples begin, the number of frames and of channels, and the rate; int64 []."""
    is_wav = tf.equal(_text(contents, 0), b"RIFF") & tf.equal(_text(contents, 8), b"WAVE")
    # As numbers: a status message with bytes that are no UTF-8 could not be sent.
    head = tf.io.decode_raw(tf.strings.substr(contents, 0, _FIRST_CHUNK), tf.uint8)
    with tf.control_dependencies(
        [require(is_wav, RULE, "a file that begins with the bytes", head)]
    ):
        format_at, format_size = _find_chunk(contents, b"fmt ")
        data_at, data_size = _find_chunk(contents, b"data")
    kind = _number(contents, format_at, 2)
    long_kind = _number(contents, format_at + _EXTENSIBLE_KIND, 2)
    kind = tf.where(tf.equal(kind, _EXTENSIBLE), long_kind, kind)
    num_channels = _number(contents, format_at + 2, 2)
    rate_hz = _number(contents, format_at + 4, 4)
    frame_bytes = _number(contents, format_at + 12, 2)
    bits = _number(contents, format_at + 14, 2)
    rest = _length(contents) - data_at
    num_frames = data_size // tf.maximum(frame_bytes, 1)
    checks = (
        ("as bytes of the format chunk", format_size, format_size >= _FORMAT_BYTES),
        ("as the kind of samples (1 is PCM)", kind, tf.equal(kind, _PCM)),
        ("as bits", bits, tf.equal(bits, _BITS)),
        ("as channels", num_channels, (num_channels >= 1) & (num_channels <= MAX_CHANNELS)),
        ("as bytes of a frame", frame_bytes, tf.equal(frame_bytes, num_channels * _BYTES)),
        ("as Hz", rate_hz, (rate_hz >= limits.MIN_RATE_HZ) & (rate_hz <= limits.MAX_RATE_HZ)),
        ("as frames", num_frames, (num_frames >= 1) & (num_frames <= MAX_SECONDS * rate_hz)),
        (
            "a header that claims this many bytes more than the file has",
            data_size - rest,
            data_size <= rest,
        ),
    )
    assertions = [require(true, RULE, what, value) for what, value, true in checks]
    with tf.control_dependencies(assertions):
        return [tf.identity(value) for value in (data_at, num_frames, num_channels, rate_hz)]


def _find_chunk(contents: tf.Tensor, name: bytes) -> tuple[tf.Tensor, tf.Tensor]:
    """Where a chunk's contents begin and how many bytes it says they are."""
    length = _length(contents)

    def elsewhere(at: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        inside = (at + _CHUNK_HEADER <= length) & (count < _MAX_CHUNKS)
        return inside & tf.not_equal(_text(contents, at), name)

    def following(at: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        size = _number(contents, at + 4, 4)
        return at + _CHUNK_HEADER + size + size % 2, count + 1

    start = (tf.constant(_FIRST_CHUNK, tf.int64), tf.constant(0))
    at, _ = tf.while_loop(elsewhere, following, start)
    found = tf.equal(_text(contents, at), name)
    check = require(found, RULE, "a file without the chunk", tf.constant(name))
    with tf.control_dependencies([check]):
        return at + _CHUNK_HEADER, _number(contents, at + 4, 4)


def _text(contents: tf.Tensor, at: tf.Tensor | int) -> tf.Tensor:
    return _part(contents, at, 4)


def _number(contents: tf.Tensor, at: tf.Tensor, num_bytes: int) -> tf.Tensor:
    """A little-endian number as int64; bytes beyond the end are zero."""
    digits = tf.io.decode_raw(_part(contents, at, num_bytes), tf.uint8, fixed_length=num_bytes)
    return tf.reduce_sum(tf.cast(digits, tf.int64) * [256**place for place in range(num_bytes)])


def _part(contents: tf.Tensor, at: tf.Tensor | int, num_bytes: int) -> tf.Tensor:
    at = tf.minimum(tf.cast(at, tf.int64), _length(contents))
    return tf.strings.substr(contents, at, tf.constant(num_bytes, tf.int64))


def _length(contents: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(contents), tf.int64)
