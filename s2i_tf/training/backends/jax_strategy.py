"""On what a run trains with JAX: one device; otherwise as `tf_strategy`."""

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Any

import jax

from s2i_tf.errors import UserError

_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"


class Strategy:
    """The first device that JAX finds."""

    num_replicas_in_sync = 1

    def scope(self) -> contextlib.AbstractContextManager:
        """A context that changes nothing."""
        return contextlib.nullcontext()


def build_strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
      UserError: unless it is `one_device`.
    """
    if name != "one_device":
        raise UserError(f"config.strategy is {name!r}; allowed on JAX: one_device")
    return Strategy()


def current() -> Strategy:
    """The one in whose scope this is called."""
    return Strategy()


def make_deterministic() -> None:
    """Sums in a fixed order; to be called before anything is computed."""
    flags = os.environ.get("XLA_FLAGS", "")
    if _DETERMINISTIC not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_DETERMINISTIC}".strip()


def versions() -> dict[str, str]:
    """Of the backend's packages."""
    return {"jax": jax.__version__}


def device_kinds() -> list[str]:
    """What kinds of devices there are."""
    return sorted({device.platform.upper() for device in jax.local_devices()})


def is_chief() -> bool:
    """Whether this process is the one that writes."""
    return True


def any_worker(flag: bool) -> bool:
    """Whether `flag` is set on any worker."""
    return flag


def wait_for_all() -> None:
    """Returns at once."""


def distribute(batches: Iterable) -> Iterable:
    """The batches as they are."""
    return batches


def of_replica(draw: Callable[[int], Any], num: int) -> Any:
    """So many random rows."""
    return draw(num)


def check_batch_size(batch_size: int) -> None:
    """Any batch fits one device."""
