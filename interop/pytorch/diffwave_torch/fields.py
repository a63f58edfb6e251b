"""Checks of values from JSON. A check is a function of a value and its path, such as `data.batch`. It returns the value
with all defaults filled in, or raises a ConfigError that names the path. The schemas of src/ refuse the same."""

import json
import math
import sys

from .errors import InputError, reason

# In place of a default: the field must be given, or stays away if it is not.
REQUIRED, OPTIONAL = object(), object()
# The largest whole number that JavaScript tells from its neighbours.
MAX_WHOLE = 2**53 - 1
MAX_SHOWN = 60


class ConfigError(InputError):
    """Error in a config. Its message is one line."""


def no_number(name):
    raise ValueError(f"{name} is no number of JSON")


def read_json(path):
    """Reads a JSON file. @raises ConfigError"""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file, parse_constant=no_number)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: {reason(error)}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: this is not JSON: {error}") from None


def shown(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def joined(where, name):
    return f"{where}.{name}" if where else name


def refusal(where, message):
    return ConfigError(f"{where or 'the config'}: {message}")


def require(holds, where, message):
    """@raises ConfigError unless a condition holds"""
    if not holds:
        raise refusal(where, message)


def is_number(value):
    # In Python, True is an int, and an int has no limit.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def whole(low, high=MAX_WHOLE, multiple=1):
    kind = "a whole number" if multiple == 1 else f"a multiple of {multiple}"
    expected = f"{kind} of at least {low}" if high == MAX_WHOLE else f"{kind}, {low} … {high}"

    def check(value, where):
        if not (is_number(value) and value % multiple == 0 and low <= value <= high):
            raise refusal(where, f"{shown(value)} must be {expected}")
        return int(value)

    return check


def real(low=-math.inf, high=math.inf, above=-math.inf, below=math.inf):
    """A number in [low, high], above `above` and below `below`."""
    bounds = {"at least": low, "at most": high, "above": above, "below": below}
    said = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if math.isfinite(bound))
    expected = f"a number {said}".strip()

    def check(value, where):
        if not (is_number(value) and low <= value <= high and above < value < below):
            raise refusal(where, f"{shown(value)} must be {expected}")
        return value

    return check


def instance(kind, said):
    def check(value, where):
        if not isinstance(value, kind):
            raise refusal(where, f"expected {said}, got {shown(value)}")
        return value

    return check


is_text, is_object, is_list = instance(str, "a text"), instance(dict, "an object"), instance(list, "a list")
boolean = instance(bool, "true or false")


def text(shortest=0):
    def check(value, where):
        require(len(is_text(value, where)) >= shortest, where, "must not be empty")
        return value

    return check


def choice(*values):
    said = " or ".join(filter(None, [", ".join(map(str, values[:-1])), str(values[-1])]))

    def check(value, where):
        # In Python, True equals 1.
        if isinstance(value, (bool, list, dict)) or value not in values:
            raise refusal(where, f"{shown(value)} is unknown; expected {said}")
        return value

    return check


def nullable(check):
    return lambda value, where: None if value is None else check(value, where)


def several(check, least=0, most=math.inf):
    """A list of `least` to `most` values."""
    bound = f"at least {least}" if most == math.inf else f"{least} … {most}"

    def check_all(value, where):
        require(least <= len(is_list(value, where)) <= most, where, f"must have {bound} entries, got {len(value)}")
        return [check(one, f"{where}[{i}]") for i, one in enumerate(value)]

    return check_all


def table(check):
    """An object with any keys that are not empty."""

    def check_all(value, where):
        require("" not in is_object(value, where), where, "a key is empty")
        return {key: check(one, joined(where, key)) for key, one in value.items()}

    return check_all


def anything(value, where):
    return value


def fields(known):
    """An object. `known`: (check, default) by the name of the field."""

    def check_all(value, where):
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


def kinds(variants):
    """An object whose field `kind` says which fields it has. `variants`: the other fields, by kind."""
    checks = {kind: fields({"kind": (choice(kind), REQUIRED), **own}) for kind, own in variants.items()}

    def check(value, where):
        # With one kind only, the fields can be checked without it.
        if len(checks) == 1:
            return next(iter(checks.values()))(value, where)
        require("kind" in is_object(value, where), joined(where, "kind"), "missing")
        kind = choice(*checks)(value["kind"], joined(where, "kind"))
        return checks[kind](value, where)

    return check
