"""Rows by a key, more of them than memory holds: the one thing that the stages that choose need.

The rows go through a temporary database of SQLite, which sorts on disk what is too large, so memory
stays flat and the order within a group is the order in which the rows came.
"""

import itertools
import pickle
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Row = TypeVar("Row")


def grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> Iterator[tuple[str, Iterator[Row]]]:
    """The rows of each key, in the order of the keys.

    Args:
      rows: anything that can be pickled; read to its end before the first group comes.
      key: from a row to its key.

    Yields:
      A key and its rows, which must be taken before the next key is.
    """
    database = sqlite3.connect("")  # a file that nobody sees, once it outgrows the cache
    try:
        database.execute("CREATE TABLE rows (key TEXT, row BLOB)")
        database.executemany(
            "INSERT INTO rows VALUES (?, ?)",
            ((key(row), pickle.dumps(row, pickle.HIGHEST_PROTOCOL)) for row in rows),
        )
        found = database.execute("SELECT key, row FROM rows ORDER BY key, rowid")
        for name, group in itertools.groupby(found, key=lambda pair: pair[0]):
            yield name, (pickle.loads(row) for _, row in group)
    finally:
        database.close()
