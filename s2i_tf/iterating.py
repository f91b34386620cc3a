"""Items one after the other: in batches, or with what is made of them made ahead by threads."""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last of which may be shorter."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def ahead(
    function: Callable[[Item], Made], items: Iterable[Item], num_ahead: int, num_threads: int
) -> Iterator[tuple[Item, Made]]:
    """Each item and what a function makes of it, in order, while threads make the next ones.

    Args:
      function: called by several threads at a time.
      items: any number of items.
      num_ahead: how many items are taken before what they become is asked for.
      num_threads: number of threads.
    """
    pool = futures.ThreadPoolExecutor(num_threads)
    waiting: collections.deque = collections.deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) > num_ahead:
                item, future = waiting.popleft()
                yield item, future.result()
        for item, future in waiting:
            yield item, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
