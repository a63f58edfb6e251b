"""Types of options for argparse: numbers that are checked when they are read."""

import argparse
import math
from collections.abc import Callable


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Makes the `type` of an argparse option: a whole number of at least `least`, and at most `most`."""
    expected = f"a whole number of at least {least}" if most is None else f"a whole number, {least} … {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text}")
        return number

    return read


def real(least: float, most: float = math.inf) -> Callable[[str], float]:
    """Makes the `type` of an argparse option: a number of at least `least`, and at most `most`."""
    expected = f"a number of at least {least:g}" if math.isinf(most) else f"a number, {least:g} … {most:g}"

    def read(text: str) -> float:
        number = number_of(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text}")
        return number

    return read


def above_zero(text: str) -> float:
    """The `type` of an argparse option: a number above 0; infinity is one."""
    number = number_of(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return number


def number_of(text: str) -> float:
    """Reads a number; nan if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
