"""Writes files as a whole: whoever reads one finds the former contents or the new ones, never half of them."""

import contextlib
import os
from collections.abc import Iterator
from typing import IO, Any


@contextlib.contextmanager
def named(path: str) -> Iterator[None]:
    """Adds the path to an error of the file system. Unlike `open`, a write to a full disk does not say which file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


@contextlib.contextmanager
def replacing(path: str, mode: str = "w") -> Iterator[IO[Any]]:
    """Opens a file that takes the place of `path` when it is complete and on the disk. If the process is killed, or the
    disk is full, the former file stays."""
    new = f"{path}.new"
    with named(path):
        try:
            with open(new, mode, encoding=None if "b" in mode else "utf8") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(new)
            raise
