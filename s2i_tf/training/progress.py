"""How far a long job is, how fast, and how long it will take still: one line at a time."""

import logging
import time
from collections.abc import Mapping

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 5.0


class Progress:
    """Logs `multimodal 1200/2000 steps, 32 steps/s, 2048 pairs/s, 0:25 left, total 3.21`.

    Args:
      name: of the job.
      num_steps: of the whole job.
      start: steps that were done before this process; they do not count in the rate.
      items_per_step: for the second rate.
      items: what to call them.
    """

    def __init__(self, name: str, num_steps: int, *, start: int, items_per_step: int, items: str):
        self._name = name
        self._num_steps = num_steps
        self._start = start
        self._items_per_step = items_per_step
        self._items = items
        self._began = self._last = time.monotonic()

    def steps_per_second(self, step: int) -> float:
        """The rate so far, once the step is `step`."""
        return (step - self._start) / max(time.monotonic() - self._began, 1e-9)

    def update(self, step: int, values: Mapping[str, float], *, force: bool = False) -> None:
        """Tells it the step; a line is logged now and then, or where `force` is set."""
        now = time.monotonic()
        if not force and now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        rate = self.steps_per_second(step)
        seconds_left = (self._num_steps - step) / rate if rate else 0.0
        logger.info(
            "%s %d/%d steps, %.3g steps/s, %.3g %s/s, %s left%s",
            self._name,
            step,
            self._num_steps,
            rate,
            rate * self._items_per_step,
            self._items,
            clock(seconds_left),
            "".join(f", {name} {value:.4g}" for name, value in values.items()),
        )


def clock(seconds: float) -> str:
    """Seconds as `m:ss` or `h:mm:ss`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
