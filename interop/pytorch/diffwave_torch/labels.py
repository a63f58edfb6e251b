"""The labels of recordings: from `metadata.csv`, else from the name of the folder that a recording is in. The rules are
those of src/audio/labels.ts."""

import os
import posixpath
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from .metadata_csv import METADATA_FILE, Entry, read_metadata
from .number_text import number_text
from .recordings import DataError, recordings, some, stem

# The second from which a label holds, and the label.
Part = tuple[float, str]


def labels(folder: str, on_note: Callable[[str], None]) -> dict[str, list[Part]]:
    """Reads the labels of all recordings below a folder: by path, a list of (second from which it holds, label). An
    empty label means none.

    @param on_note called with what is odd, one line each
    @raises DataError
    """
    files = recordings(folder, on_note)
    entries = read_metadata(folder)
    if entries == []:
        on_note(f"{METADATA_FILE}: no line has a recording and a label: the folders' names count")
    found = matched(files, entries or [], folder, on_note)
    return {file: found.get(file, [(0, os.path.basename(os.path.dirname(file)))]) for file in files}


def label_text(parts: Iterable[Part]) -> str:
    """Writes the labels of a recording as one text, for the fingerprint."""
    return "\n".join(label if second == 0 else f"{number_text(second)} {label}" for second, label in parts)


def normalised(name: str) -> str:
    """Writes a path as tables do. macOS and Linux may store one name as different bytes (NFD and NFC)."""
    if os.sep == "\\" or "/" not in name:
        name = name.replace("\\", "/")
    name = unicodedata.normalize("NFC", name)
    path = posixpath.normpath(name)
    # As Node.js has it: one slash at the start, and one at the end if there was one.
    path = path[1:] if path.startswith("//") else path
    return f"{path}/" if name.endswith("/") and path != "/" else path


def last_part(path: str) -> str:
    return path[path.rfind("/") + 1 :]


class FileIndex:
    """The files that entries may mean."""

    def __init__(self, files: Iterable[str]):
        self.by_path: dict[str, list[str]] = {}
        self.by_last_part: dict[str, list[str]] = {}
        for file in files:
            name = normalised(file)
            for key in {name: None, stem(name): None}:
                self.by_path.setdefault(key, []).append(file)
            self.by_last_part.setdefault(last_part(stem(name)), []).append(file)

    def exact(self, name: str) -> list[str]:
        """Lists the files of exactly this path, with or without the ending."""
        return self.by_path.get(name) or self.by_path.get(stem(name)) or []

    def similar(self, name: str) -> list[str]:
        """Lists the files whose path ends in this one, or is the end of it."""
        own = stem(name)

        def is_similar(file: str) -> bool:
            other = stem(normalised(file))
            return other.endswith(f"/{own}") or own.endswith(f"/{other}")

        return list(filter(is_similar, self.by_last_part.get(last_part(own), [])))


def matched(
    files: Sequence[str], entries: Sequence[Entry], folder: str, on_note: Callable[[str], None]
) -> dict[str, list[Part]]:
    """Finds the labels that entries give to files: by path, a list of (second, label) in order. @raises DataError"""
    index = FileIndex(files)
    found: dict[str, dict[float, str]] = {}
    claimants: dict[str, str] = {}
    exactly = {file for entry in entries for file in index.exact(normalised(entry.name))}
    lost: list[str] = []
    twice: dict[str, None] = {}
    for name, label, second in entries:
        wanted = normalised(name)
        exact = index.exact(wanted)
        meant = exact or [file for file in index.similar(wanted) if file not in exactly]
        if not meant:
            lost.append(name)
        if not exact and len(set(map(stem, meant))) > 1:
            raise ambiguous(name, meant, folder)
        for file in meant:
            if not exact:
                if claimants.get(file, stem(wanted)) != stem(wanted):
                    raise ambiguous(file, [claimants[file], name], folder)
                claimants[file] = stem(wanted)
            parts = found.setdefault(file, {})
            if second in parts:
                twice[name] = None
            parts[second] = label
    if lost:
        on_note(f"{METADATA_FILE}: {len(lost)} of {len(entries)} lines name no recording: {some(lost)}")
    if twice:
        on_note(f"{METADATA_FILE}: named twice, the last line counts: {some(list(twice))}")
    return {file: in_order(parts) for file, parts in found.items()}


def in_order(parts: dict[float, str]) -> list[Part]:
    """Sorts the labels of a recording by the second from which they hold. The only one holds throughout."""
    return sorted(parts.items()) if len(parts) > 1 else [(0, label) for label in parts.values()]


def ambiguous(name: str, candidates: Sequence[str], folder: str) -> DataError:
    return DataError(
        f"{METADATA_FILE}: {name} could mean several recordings, expected paths below the folder, "
        f"got {', '.join(candidates[:3])} ({folder})"
    )
