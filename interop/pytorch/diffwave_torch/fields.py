"""Checks of values from JSON. A check is a function of a value and its path, such as `data.batch`. It returns the value
with all defaults filled in, or raises a ConfigError that names the path. The schemas of src/ refuse the same."""

import json
import math
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import InputError
from .files import named

Check = Callable[[Any, str], Any]

# In place of a default: the field must be given, or stays away if it is not.
REQUIRED, OPTIONAL = object(), object()
# The largest whole number that JavaScript tells from its neighbours.
MAX_WHOLE = 2**53 - 1
MAX_SHOWN = 60


class ConfigError(InputError):
    """Error in a config. Its message is one line."""


def no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def read_json(path: str) -> Any:
    """Reads a JSON file. @raises ConfigError, OSError"""
    try:
        with named(path), open(path, encoding="utf-8-sig") as file:
            return json.load(file, parse_constant=no_number)
    except ValueError as error:
        raise ConfigError(f"{path}: this is not JSON: {error}") from None


def shown(value: Any) -> str:
    """Writes a value for an error, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def joined(where: str, name: str) -> str:
    """Returns the path of a field of the value at a path."""
    return f"{where}.{name}" if where else name


def refusal(where: str, message: str) -> ConfigError:
    return ConfigError(f"{where or 'the config'}: {message}")


def require(holds: bool, where: str, message: str) -> None:
    """@raises ConfigError unless a condition holds"""
    if not holds:
        raise refusal(where, message)


def is_number(value: Any) -> bool:
    # In Python, True is an int, and an int has no limit.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def whole(low: int, high: int = MAX_WHOLE, multiple: int = 1) -> Check:
    """A whole number in [low, high], such as 64 or 64.0, which is read as 64."""
    kind = "a whole number" if multiple == 1 else f"a multiple of {multiple}"
    expected = f"{kind} of at least {low}" if high == MAX_WHOLE else f"{kind}, {low} … {high}"

    def check(value: Any, where: str) -> Any:
        if not (is_number(value) and value % multiple == 0 and low <= value <= high):
            raise refusal(where, f"{shown(value)} must be {expected}")
        return int(value)

    return check


def real(low: float = -math.inf, high: float = math.inf, above: float = -math.inf, below: float = math.inf) -> Check:
    """A number in [low, high], above `above` and below `below`."""
    bounds = {"at least": low, "at most": high, "above": above, "below": below}
    said = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if math.isfinite(bound))
    expected = f"a number {said}".strip()

    def check(value: Any, where: str) -> Any:
        if not (is_number(value) and low <= value <= high and above < value < below):
            raise refusal(where, f"{shown(value)} must be {expected}")
        return value

    return check


def instance(kind: type, said: str) -> Check:
    """A value of a type of Python, and how errors call it."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, kind):
            raise refusal(where, f"expected {said}, got {shown(value)}")
        return value

    return check


is_text, is_object, is_list = instance(str, "a text"), instance(dict, "an object"), instance(list, "a list")
boolean = instance(bool, "true or false")


def text(shortest: int = 0) -> Check:
    """A text of at least so many characters."""

    def check(value: Any, where: str) -> Any:
        require(len(is_text(value, where)) >= shortest, where, "must not be empty")
        return value

    return check


def choice(*values: Any) -> Check:
    """One of several texts or numbers."""
    said = " or ".join(filter(None, [", ".join(map(str, values[:-1])), str(values[-1])]))

    def check(value: Any, where: str) -> Any:
        # In Python, True equals 1.
        if isinstance(value, (bool, list, dict)) or value not in values:
            raise refusal(where, f"{shown(value)} is unknown; expected {said}")
        return value

    return check


def nullable(check: Check) -> Check:
    """Null, or what another check takes."""
    return lambda value, where: None if value is None else check(value, where)


def several(check: Check, least: int = 0, most: float = math.inf) -> Check:
    """A list of `least` to `most` values."""
    bound = f"at least {least}" if most == math.inf else f"{least} … {most}"

    def check_all(value: Any, where: str) -> Any:
        require(least <= len(is_list(value, where)) <= most, where, f"must have {bound} entries, got {len(value)}")
        return [check(one, f"{where}[{i}]") for i, one in enumerate(value)]

    return check_all


def table(check: Check) -> Check:
    """An object with any keys that are not empty."""

    def check_all(value: Any, where: str) -> Any:
        require("" not in is_object(value, where), where, "a key is empty")
        return {key: check(one, joined(where, key)) for key, one in value.items()}

    return check_all


def anything(value: Any, where: str) -> Any:
    """The check of a value that is not checked."""
    return value


def fields(known: dict[str, tuple[Check, Any]]) -> Check:
    """An object. `known`: (check, default) by the name of the field."""

    def check_all(value: Any, where: str) -> Any:
        for key in is_object(value, where):
            require(key in known, joined(where, key), "unknown field")
        result = {}
        for key, (check, default) in known.items():
            own = value.get(key, default)
            require(own is not REQUIRED, joined(where, key), "missing")
            if own is not OPTIONAL:
                result[key] = check(own, joined(where, key))
        return result

    return check_all


def kinds(variants: dict[str, dict[str, tuple[Check, Any]]]) -> Check:
    """An object whose field `kind` says which fields it has. `variants`: the other fields, by kind."""
    checks = {kind: fields({"kind": (choice(kind), REQUIRED), **own}) for kind, own in variants.items()}

    def check(value: Any, where: str) -> Any:
        # With one kind only, the fields can be checked without it.
        if len(checks) == 1:
            return next(iter(checks.values()))(value, where)
        require("kind" in is_object(value, where), joined(where, "kind"), "missing")
        kind = choice(*checks)(value["kind"], joined(where, "kind"))
        return checks[kind](value, where)

    return check
