"""The rows of a CSV as people's programs write them: the usual encodings, `,`, `;` or tab between.

UTF-8, UTF-16 and UTF-32 are told by their byte order marks or by trying; what is none of them is
read as Windows-1252, which is what Excel writes in western Europe, with a warning. A first line
`sep=;`, with which Excel tells the character between, is no row.
"""

import csv
import difflib
import io
import logging
import re
import sys
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

_SAMPLE_LINES = 20
_SEPARATORS = ",;\t"
_MAX_SHOWN = 200
_SEPARATOR = re.compile(r"sep=([,;|\t])", re.IGNORECASE)


def parse(contents: bytes, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, as (number of their last line, fields without outer spaces).

    Args:
      contents: the bytes of the file.
      name: the file's name, for messages.

    Raises:
      UserError: naming the line, if it cannot be read.
    """
    text = _decoded(contents, name)
    first, *others = text.splitlines()[:_SAMPLE_LINES] or [""]
    told = _SEPARATOR.fullmatch(first.strip(' "'))
    sample = "\n".join([first, *others])
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=told[1] if told else max(_SEPARATORS, key=sample.count),
        skipinitialspace=True,
        strict=True,  # a quote that is never closed would swallow the rows behind it
    )
    try:
        for row in reader:
            if any(row) and not (told and reader.line_num == 1):
                yield reader.line_num, [field.strip() for field in row]
    except csv.Error as error:
        raise UserError(
            f"{name}, line {reader.line_num}: {error}; save it as CSV in UTF-8"
        ) from None


def mappings(contents: bytes, name: str) -> list[dict[str, str]]:
    """The rows by the column names of the first, in lower case; a field that is missing is empty.

    Raises:
      UserError: as `parse`, or if a column stands there twice or a row has a field too many.
    """
    return [row for _, row in numbered(contents, name)]


def numbered(
    contents: bytes, name: str, *, strict: bool = True
) -> list[tuple[int, dict[str, str]]]:
    """As `mappings`, with the number of each row's last line.

    Where it is not strict, rows with a field too many are left out with a warning, and of a column
    that stands there twice the last counts.
    """
    header, *others = list(parse(contents, name)) or [(0, [])]
    columns = [column.lower() for column in header[1]]
    if strict:
        check_unique(columns, filter(None, columns), name)
    rows, odd = [], []
    for number, row in others:
        if strict:
            check_length(row, columns, name, number)
        elif any(row[len(columns) :]):
            odd.append(number)
            continue
        rows.append((number, dict.fromkeys(columns, "") | dict(zip(columns, row, strict=False))))
    if odd:
        message = (
            "%s: %d rows have more fields than there are columns and are left out, such as line %d"
        )
        logger.warning(message, name, len(odd), odd[0])
    return rows


def check_length(row: Sequence[str], columns: Sequence[str], name: str, number: int) -> None:
    """Refuses fields without a column, but for empty ones; missing ones count as empty.

    Raises:
      UserError: naming the line.
    """
    if any(row[len(columns) :]):
        raise UserError(
            f"{name}, line {number}: {len(row)} fields for {len(columns)} columns: {shown(row)}; "
            "put what holds a separator in quotes"
        )


def check_unique(columns: Sequence[str], known: Iterable[str], name: str) -> None:
    """Refuses a known column that stands there twice: only one of them would be read.

    Raises:
      UserError: naming the column.
    """
    counts = Counter(columns)
    for column in known:
        if counts[column] > 1:
            raise UserError(f"{name}: the column {column} stands there twice; leave one of them")


def check_unread(
    columns: Sequence[str],
    known: Container[str],
    meanings: Mapping[str, Sequence[str]],
    name: str,
    *,
    whole_words: bool = False,
) -> None:
    """Refuses a column that may mean a known one that is missing; tells of others that are unread.

    Args:
      columns: the columns of the file.
      known: those that are read.
      meanings: what words of other names begin with that may mean a known column, by its name, for
        each that a file may lack; the first that fits counts.
      name: the file's name, for messages.
      whole_words: take those words alone for such names, not what begins or is spelt like them.

    Raises:
      UserError: naming the column, and the one that it may mean.
    """
    unread = [column for column in columns if column and column not in known]
    for column in unread:
        meant = _meant(column, meanings, whole_words)
        if meant and meant not in columns:
            raise UserError(
                f"{name}: a column {column!r} is not read; allowed: {meant}. Name it so, or take "
                "it out"
            )
    if unread:
        logger.warning("%s: columns that are not read: %s", name, ", ".join(unread))


def shown(row: Sequence[str]) -> str:
    """A row for a message, its end cut off where it is long."""
    text = repr(list(row))
    return text if len(text) < _MAX_SHOWN else f"{text[:_MAX_SHOWN]} …"


def _meant(column: str, meanings: Mapping[str, Sequence[str]], whole_words: bool) -> str | None:
    """The column that another name may stand for."""
    words = re.findall("[a-z]+", column)
    for known, beginnings in meanings.items():
        if whole_words:
            fits = set(words) & {form for word in beginnings for form in (word, f"{word}s")}
        else:
            fits = any(word.startswith(tuple(beginnings)) for word in words)
        if fits:
            return known
    if whole_words:
        return None
    return next(iter(difflib.get_close_matches(column, meanings, 1, 0.7)), None)


def _decoded(contents: bytes, name: str) -> str:
    encoding = "utf-8-sig"
    if contents[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        encoding = "utf-32"
    elif contents[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif 0 in contents[:2]:  # half of the bytes of western UTF-16 are zero
        encoding = "utf-16-be" if contents[0] == 0 else "utf-16-le"
    try:
        return contents.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise UserError(f"{name}: not {encoding}: {error.reason}; save it in UTF-8") from None
    try:
        text = contents.decode("cp1252")
    except UnicodeDecodeError as error:
        line = contents.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{name}, line {line}: neither UTF-8 nor Windows-1252; save it as CSV in UTF-8"
        ) from None
    logger.warning("%s: not UTF-8; read as Windows-1252", name)
    return text
