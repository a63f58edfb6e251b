"""The log of a run, metrics.jsonl: one JSON object per line. Mirrors src/training/run/metrics-log.ts."""

import json
import os

FILE = "metrics.jsonl"


def append_metrics(folder, line):
    """Appends a line to the log of a folder. Returns its text."""
    text = json.dumps(line)
    with open(os.path.join(folder, FILE), "a", encoding="utf8") as file:
        file.write(text + "\n")
    return text


def is_up_to(line, step):
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False


def cut_metrics(folder, step):
    """Removes the lines after a step from the log, and a last line that was written only in part."""
    path = os.path.join(folder, FILE)
    if not os.path.exists(path):
        return
    with open(path, encoding="utf8", errors="replace") as file:
        lines = [line.rstrip("\n") + "\n" for line in file if is_up_to(line, step)]
    # The log is replaced as a whole: a run that is killed meanwhile keeps the former one.
    with open(path + ".new", "w", encoding="utf8") as file:
        file.writelines(lines)
    os.replace(path + ".new", path)
