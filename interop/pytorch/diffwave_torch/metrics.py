"""The log of a run, metrics.jsonl: one JSON object per line. Mirrors src/training/run/metrics-log.ts."""

import json
import math
import os
from typing import Any

from .files import named, replacing

FILE = "metrics.jsonl"


def append_metrics(folder: str, line: dict[str, Any]) -> str:
    """Appends a line to the log of a folder. Returns its text. Numbers that are not finite become null, as in
    JavaScript: JSON has none."""
    finite = {key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in line.items()}
    text = json.dumps(finite)
    path = os.path.join(folder, FILE)
    with named(path), open(path, "a", encoding="utf8") as file:
        file.write(f"{text}\n")
    return text


def is_up_to(line: str, step: int) -> bool:
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False


def cut_metrics(folder: str, step: int) -> None:
    """Removes the lines after a step from the log, and a last line that was written only in part."""
    path = os.path.join(folder, FILE)
    if not os.path.exists(path):
        return
    with named(path), open(path, encoding="utf8", errors="replace") as file:
        lines = [line.rstrip("\n") + "\n" for line in file if is_up_to(line, step)]
    with replacing(path) as file:
        file.writelines(lines)
