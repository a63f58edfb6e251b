"""Writes numbers as text."""

import math
from decimal import Decimal


def number_text(number: float) -> str:
    """Writes a number as JavaScript does: a run's fingerprint contains numbers. `number`: at least 0."""
    if math.isinf(number):
        return "Infinity"
    # repr has the same digits, the fewest that tell the number from its neighbours, but other limits for exponents.
    _, figures, exponent = Decimal(repr(float(number))).normalize().as_tuple()
    digits = "".join(map(str, figures))
    point = len(digits) + int(exponent)
    if digits == "0":
        return "0"
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{digits.rjust(len(digits) - point, '0')}"
    return f"{digits[0]}{digits[1:] and '.' + digits[1:]}e{point - 1:+d}"
