"""Reads `metadata.csv`, the classes of a folder's recordings, exactly as src/audio/metadata-csv.ts does, which says
what such files look like."""

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from .errors import reason
from .limits import MAX_METADATA_BYTES
from .recordings import DataError

METADATA_FILE = "metadata.csv"
# What JavaScript counts as space. Python's own list is another.
SPACES = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f"
    "\u3000\ufeff"
)
QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)"(?!")')
IN_QUOTES = re.compile(r'"[^"]*"')
LINE_END = re.compile(r"\r\n|\n|\r")
SEPARATOR = re.compile(r"[,|\t]")
DECIMAL_AT_END = re.compile(rf";[{SPACES}]*[0-9]+,[0-9]+[{SPACES}]*\Z")
SECOND = re.compile(r"[0-9]+([.,][0-9]+)?")
# The bytes that Windows-1252 leaves undefined stand for themselves.
WINDOWS_1252 = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}


class Entry(NamedTuple):
    """A line of the table."""

    # The recording as the table names it.
    name: str
    label: str
    # The second from which the label holds.
    start: float


def read_metadata(folder: str) -> list[Entry] | None:
    """Reads a folder's table; None if it has none. @raises DataError"""
    path = os.path.join(folder, METADATA_FILE)
    try:
        status = os.stat(path)
        # A folder or a pipe of that name is no table.
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > MAX_METADATA_BYTES:
            expected = f"expected at most {MAX_METADATA_BYTES} bytes"
            raise DataError(f"{path}: the file is too large, {expected}, got {status.st_size}")
        with open(path, "rb") as file:
            return parse_metadata(decode(file.read()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read: {reason(error)}") from None


def decode(data: bytes) -> str:
    """Decodes UTF-8, or what spreadsheets write: UTF-16 with a byte order mark, and Windows-1252."""
    if data.startswith(b"\xff\xfe"):
        return data[2:].decode("utf-16-le", "replace")
    if data.startswith(b"\xfe\xff"):
        return data[2:].decode("utf-16-be", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1").translate(WINDOWS_1252)


def parse_metadata(text: str) -> list[Entry]:
    """Lists the entries of the lines that have a name and a label."""
    entries = []
    for row in rows(text):
        name, label, second = (row + ["", "", ""])[:3]
        if name and label:
            # In other projects' files the third column is text.
            start = float(second.replace(",", ".")) if SECOND.fullmatch(second) else 0
            entries.append(Entry(name, label, start))
    return entries


def rows(text: str) -> list[list[str]]:
    """Splits a table into the cells of its lines, without quotes and spaces around them."""
    between = separators(text)
    text = text.removeprefix("\ufeff")
    try:
        quoted = list(split(text, between, quotes=True))
        # A cell of several lines is an apostrophe that nothing closes, not a name.
        if not any("\n" in cell for row in quoted for cell in row):
            return quoted
    except ValueError:
        # LJSpeech has quotation marks inside its cells, in no order: there they are text.
        pass
    plain = split(text, between, quotes=False)
    return [[cell[1:-1].strip(SPACES) if IN_QUOTES.fullmatch(cell) else cell for cell in row] for row in plain]


def split(text: str, between: str, quotes: bool) -> Iterator[list[str]]:
    """Yields the cells of each line that is not empty, as csv-parse does, the parser of src/audio/metadata-csv.ts.
    `between`: the separators. @raises ValueError for a quotation mark that csv-parse refuses"""
    spaces = "".join(space for space in SPACES if space not in between + "\r\n")
    lead = re.compile(f"[{spaces}]*")
    # csv-parse passes over these behind quotes: after a cell, ASCII only; after an empty one, further empty ones, too.
    after_cell = re.compile(f"[{''.join(filter(str.isascii, spaces))}]*")
    after_empty = re.compile(rf'(?:[{spaces}]|"[\t\n\v\f\r ]*"(?!"))*')
    unquoted = re.compile(f'[^{between}\r\n"]*' if quotes else f"[^{between}\r\n]*")
    row: list[str] = []
    i = 0
    while True:
        i = end_of(lead, text, i)
        quoted = QUOTED.match(text, i) if quotes else None
        if quoted is not None:
            cell = quoted[1].replace('""', '"')
            i = end_of(after_cell if cell else after_empty, text, quoted.end())
        else:
            start, i = i, end_of(unquoted, text, i)
            cell = text[start:i].rstrip(SPACES)
        end = LINE_END.match(text, i)
        if i < len(text) and end is None and text[i] not in between:
            raise ValueError("a quotation mark within a cell, or one that nothing closes")
        row.append(cell)
        if end is not None or i == len(text):
            if len(row) > 1 or cell != "" or quoted is not None:
                yield row
            row = []
        if i == len(text):
            return
        i = i + 1 if end is None else end.end()


def end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Returns where a pattern that begins at `start` ends; `start` if it does not begin there."""
    found = pattern.match(text, start)
    return start if found is None else found.end()


def separators(text: str) -> str:
    """Returns the characters that separate the columns: what every line has and nothing else does; if that does not
    tell, what comes first in every line."""
    lines = [IN_QUOTES.sub("", line) for line in LINE_END.split(text)]
    lines = [line for line in lines if line.strip(SPACES)]
    if lines and all(";" in line and not SEPARATOR.search(DECIMAL_AT_END.sub("", line)) for line in lines):
        return ";"
    firsts = {found and found[0] for found in map(SEPARATOR.search, lines)}
    first = firsts.pop() if len(firsts) == 1 else None
    return first or ",|\t"
