"""Finds recordings in data folders, as `diffwave train` does (src/core/folder.ts, src/training/data)."""

import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from .errors import InputError, reason

RECORDING = re.compile(r"\.(wav|flac|mp3|ogg|oga|opus)\Z", re.IGNORECASE | re.ASCII)


class DataError(InputError):
    """Error in the recordings. Its message is one line."""


def stem(name: str) -> str:
    """Returns the path of a recording without the ending."""
    return RECORDING.sub("", name)


def portable(path: str) -> str:
    """Writes a path as every system does (src/core/folder.ts): with `/`, and with composed characters."""
    return unicodedata.normalize("NFC", path.replace(os.sep, "/"))


def recordings(folder: str, on_note: Callable[[str], None]) -> list[str]:
    """Lists the paths of recordings below a folder, relative to it and sorted. As in src/core/folder.ts, links to
    folders are followed, each folder is entered once, and folders that are reached without links come first.

    @param on_note called with one line for each subfolder that is left out because it cannot be read
    @raises DataError
    """
    if not os.path.isdir(folder):
        raise DataError(f"--data {folder}: no such folder")
    found: list[str] = []
    entered: set[str] = set()
    waiting = [""]
    while waiting:
        links: list[str] = []
        for below in in_order(waiting):
            enter(folder, below, entered, found, links, on_note)
        waiting = links
    return in_order(found)


def enter(
    folder: str, below: str, entered: set[str], found: list[str], links: list[str], on_note: Callable[[str], None]
) -> None:
    """Adds the recordings of a subfolder, and of the subfolders in it, to `found`, and links to folders to `links`.
    @raises DataError if the folder itself cannot be read"""
    path = os.path.normpath(os.path.join(folder, below))
    place = os.path.realpath(path)
    if place in entered:
        return
    entered.add(place)
    try:
        # In the order of Node.js, so that notes are in the same order, too.
        entries = sorted(os.scandir(path), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        if below == "":
            raise DataError(f"--data {folder}: the folder cannot be read: {reason(error)}") from None
        on_note(f"a folder is skipped: {path} cannot be read: {reason(error)}")
        return
    for entry in entries:
        name = os.path.join(below, printable(entry.name))
        if entry.is_dir(follow_symlinks=False):
            enter(folder, name, entered, found, links, on_note)
        # Unlike `entry.is_dir`, this also takes links that lead in a circle.
        elif os.path.isdir(os.path.join(folder, name)):
            links.append(name)
        # macOS puts files named `._…` beside those of a foreign disk. They hold no audio.
        elif RECORDING.search(name) and not entry.name.startswith("._"):
            found.append(name)


def printable(name: str) -> str:
    """Replaces bytes of a file name that are not UTF-8 by U+FFFD, as Node.js does. The file of such a name is left out,
    since the changed name does not open it."""
    return name.encode("utf8", sys.getfilesystemencodeerrors()).decode("utf8", "replace")


def some(names: Sequence[str]) -> str:
    """Names the first of several, and says how many more there are."""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def in_order(paths: Iterable[str]) -> list[str]:
    """Sorts paths as every system does. JavaScript compares texts by their 16-bit units."""
    return sorted(paths, key=lambda path: (portable(path).encode("utf-16-be"), path))


def place_of(path: str) -> str:
    """Returns the path of a file without links. A link that leads nowhere stands for itself; reading it says what is
    wrong."""
    if os.path.exists(path):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def recordings_once(found: Iterable[tuple[str, Iterable[str]]]) -> tuple[list[tuple[str, str]], list[str]]:
    """Lists the recordings of folders that may overlap: (folder, path below it), each file once, as it is found first
    (src/training/data/find-recordings.ts). Also returns the paths of files that were found again.

    @param found pairs of a folder and the paths of the recordings below it
    """
    once: list[tuple[str, str]] = []
    again: list[str] = []
    known: set[str] = set()
    for folder, names in found:
        for name in names:
            path = os.path.normpath(os.path.join(folder, name))
            place = place_of(path)
            if place in known:
                again.append(path)
            else:
                once.append((folder, name))
            known.add(place)
    return once, again
