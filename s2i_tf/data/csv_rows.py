"""The rows of a CSV as people's programs write them: the usual encodings, `,`, `;` or tab between.

UTF-8, UTF-16 and UTF-32 are told by their byte order marks or by trying; what is none of them is
read as Windows-1252, which is what Excel writes in western Europe, with a warning. A first line
`sep=;`, with which Excel tells the character between, is no row.
"""

import csv
import io
import logging
import re
import sys
from collections.abc import Iterator

from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

_SAMPLE_LINES = 20
_SEPARATORS = ",;\t"
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
      UserError: as `parse`.
    """
    return [row for _, row in numbered(contents, name)]


def numbered(contents: bytes, name: str) -> list[tuple[int, dict[str, str]]]:
    """As `mappings`, with the number of each row's last line."""
    header, *others = list(parse(contents, name)) or [(0, [])]
    keys = [key.lower() for key in header[1]]
    return [
        (number, dict.fromkeys(keys, "") | dict(zip(keys, row, strict=False)))
        for number, row in others
    ]


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
