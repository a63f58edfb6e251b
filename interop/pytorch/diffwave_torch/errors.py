"""Errors in what a user gave: they end a program with one line instead of a traceback."""


class InputError(ValueError):
    """Error in a file or an option. Its message is one line."""


def reason(error: OSError) -> str:
    """Says why the file system refused something, as Node.js words it: `permission denied`."""
    return (error.strerror or str(error)).lower()


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message. Errors of PyTorch go on for many lines."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def one_line(error: Exception) -> str:
    """Writes an InputError or an OSError as the last line of a program."""
    if isinstance(error, OSError):
        return f"error: {reason(error)}" if error.filename is None else f"error: {error.filename}: {reason(error)}"
    return f"error: {error}"
