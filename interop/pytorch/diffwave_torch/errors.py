"""Errors in what a user gave: they end a program with one line instead of a traceback."""


class InputError(ValueError):
    """Error in a file or an option. Its message is one line."""


def reason(error):
    """Says why the file system refused something, as Node.js words it: `permission denied`."""
    return (error.strerror or str(error)).lower()


def one_line(error):
    """Writes an InputError or an OSError as the last line of a program."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"error: {error.filename}: {reason(error)}"
    return f"error: {error}"
