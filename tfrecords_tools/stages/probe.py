"""Stage 1, probe: opens every file just enough to say what it holds.

Rows in: `Source`; rows out: `Item`. A sound or photo gives one item. A video gives, for each of its
windows, one sound and one picture: the frame in the middle of the window. Nothing is decoded here:
a file's packets tell how long it is, and its bytes' checksum sees to it that equal files never
stand on both sides of the split; what cannot be decoded shows later.
"""

import dataclasses
import math
import os
from typing import Any

from s2i_tf.data import source_sounds
from s2i_tf.errors import MediaError
from s2i_tf.files import content_digest
from s2i_tf.media import limits, reasons, video
from tfrecords_tools.engine import clock, decode, parts, rows, storage
from tfrecords_tools.engine.rows import Item, Quarantined, Source

OUTSIDE = "outside"


@dataclasses.dataclass(frozen=True)
class Probe(parts.Stage):
    """The stage.

    Attributes:
      root: folder that the paths are relative to.
      min_seconds: shorter sounds are refused.
      max_seconds: longer sounds and videos are refused.
      windows_per_video: number of pairs to take from a video that is no clip.
      window_seconds: length of a window.
      audio_track: number of the sound track, from 1 on; 0 for the one that players play.
    """

    root: str
    min_seconds: float
    max_seconds: float
    windows_per_video: int = 1
    window_seconds: float = 10.0
    audio_track: int = 0

    name = "probe"
    row_type = Source
    seconds_per_row = 0.005

    def config(self) -> dict[str, Any]:
        """The limits and windows."""
        return {key: value for key, value in dataclasses.asdict(self).items() if key != "root"}

    def run(self, sources: list[Source], output: parts.Output) -> list[str]:
        """Probes the files of one part."""
        items: list[Item] = []
        for source in sources:
            try:
                with clock.measure("decode"):
                    items += self.probe(source)
            except MediaError as error:
                output.quarantine(
                    Quarantined(source.path, self.name, error.reason, decode.one_line(error))
                )
        output.write(".jsonl", rows.to_lines(items))
        return [item.key for item in items]

    def probe(self, source: Source) -> list[Item]:
        """The items of one file.

        Raises:
          MediaError: if it holds none that can be used.
        """
        try:
            with storage.local_copy(storage.join(self.root, source.path)) as path:
                if not os.path.getsize(path):
                    raise MediaError(reasons.EMPTY, "the file is empty")
                content = content_digest(path)
                if source.kind == "image":
                    return [self._whole(source, content)]
                info = video.probe(path, audio_track=self.audio_track)
        except FileNotFoundError:
            raise MediaError(reasons.MISSING, decode.VANISHED) from None
        except OSError as error:
            raise MediaError(reasons.UNREADABLE, error.strerror or str(error)) from None
        if not info.has_sound:
            track = f" track {self.audio_track}" if self.audio_track else ""
            raise MediaError(reasons.NO_SOUND, f"it has no sound{track}")
        if not limits.MIN_RATE_HZ <= info.sample_rate_hz <= limits.MAX_RATE_HZ:
            raise MediaError(reasons.BAD_RATE, f"a sampling rate of {info.sample_rate_hz} Hz")
        self._check_length(info.duration_seconds, source.kind)
        if source.kind == "sound":
            return [self._whole(source, content)]
        if not info.has_picture:
            raise MediaError(reasons.NO_PICTURE, "it has no picture")
        return self._moments(source, content, info.start_seconds, info.end_seconds)

    def _whole(self, source: Source, content: str) -> Item:
        return Item(
            id=source.path,
            modality=source.kind,
            path=source.path,
            group=source.group,
            content=content,
            class_name=source.class_name,
            belongs_to=source.belongs_to,
            audio_track=self.audio_track,
        )

    def _moments(self, source: Source, content: str, begin: float, end: float) -> list[Item]:
        """The windows of a video, of the part from `begin` to `end` that has sound and picture."""
        self._check_length(end - begin, source.kind)
        items = []
        for start_seconds, num_seconds in self._windows(source, begin, end):
            name = source_sounds.moment_id(source.path, start_seconds)
            item = dataclasses.replace(
                self._whole(source, content), id=name, belongs_to=name, start_seconds=start_seconds
            )
            middle = start_seconds + num_seconds / 2
            items += [
                dataclasses.replace(item, modality="sound", num_seconds=num_seconds),
                dataclasses.replace(item, modality="image", start_seconds=middle),
            ]
        return items

    def _windows(self, source: Source, begin: float, end: float) -> list[tuple[float, float]]:
        """Start and length of each window, rounded so that they read well in an id."""
        length = min(self.window_seconds, end - begin)
        if source.start_seconds is not None:
            start = max(source.start_seconds, math.floor(begin * 100) / 100)
            if start > end - self.min_seconds:
                raise MediaError(
                    OUTSIDE, f"the clip starts at {source.start_seconds} s of {end:.1f} s"
                )
            return [(start, min(self.window_seconds, end - start))]
        num_windows = max(1, min(self.windows_per_video, math.floor((end - begin) / length)))
        starts = []
        for index in range(num_windows):
            centre = begin + (end - begin) * (index + 0.5) / num_windows
            starts.append((round(max(0.0, centre - length / 2), 2), length))
        return starts

    def _check_length(self, seconds: float, kind: str) -> None:
        if seconds < self.min_seconds:
            raise MediaError(
                reasons.TOO_SHORT, f"{seconds:.2f} s; allowed: {self.min_seconds:g} s or more"
            )
        longest = self.max_seconds
        if kind == "sound":  # read whole
            longest = min(longest, limits.MAX_SECONDS)
        if seconds > longest:
            raise MediaError(reasons.TOO_LONG, f"{seconds:.0f} s; allowed: {longest:g} s or less")
