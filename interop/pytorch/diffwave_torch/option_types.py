"""Types of options for argparse: numbers that are checked when they are read."""

import argparse
import math


def whole(least):
    """Makes the `type` of an argparse option: a whole number of at least `least`."""

    def read(text):
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text}")
        return number

    return read


def above_zero(text):
    """The `type` of an argparse option: a number above 0; infinity is one."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return number
