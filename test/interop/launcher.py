"""Runs Python programs in copies of a process that has imported PyTorch once: an import takes seconds.

usage: python launcher.py    prints {} when it has started

Then each line of standard input asks for something:
{"modules"}                                 imports modules; prints {"missing"}, those that cannot be imported
{"id", "args", "env", "stdout", "stderr"}   starts a run: args as those of `python`, ["-m", name, ...] or
                                            ["-c", program, ...], and files for its output; prints {"id", "pid"}, and
                                            {"id", "status"} when it has ended
"""

import atexit
import importlib
import json
import os
import runpy
import select
import sys
import traceback


def missing(modules):
    absent = []
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception:
            absent.append(module)
    return absent


def say(message):
    print(json.dumps(message), flush=True)


def lines():
    """Lines of standard input; None whenever none has come for a moment."""
    waiting = b""
    while True:
        ready, _, _ = select.select([0], [], [], 0.01)
        if not ready:
            yield None
            continue
        read = os.read(0, 65536)
        if not read:
            return
        *whole, waiting = (waiting + read).split(b"\n")
        yield from whole


def launch():
    """Starts the runs. Returns only in their processes, with what to do."""
    running = {}
    for line in lines():
        if line is not None:
            request = json.loads(line)
            if "modules" in request:
                say({"missing": missing(request["modules"])})
                continue
            pid = os.fork()
            if pid == 0:
                return request
            running[pid] = request["id"]
            say({"id": request["id"], "pid": pid})
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                say({"id": running.pop(pid), "status": os.waitstatus_to_exitcode(status)})
    os._exit(0)


def redirect(run):
    for target, path in ((1, run["stdout"]), (2, run["stderr"])):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, target)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(run["env"])


def execute(run):
    """Does a run. Returns its exit status."""
    flag, program, *rest = run["args"]
    sys.argv = [flag, *rest]
    # As `python -m` and `python -c` have it.
    sys.path[0] = os.getcwd()
    try:
        if flag == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as ending:
        if ending.code is None or isinstance(ending.code, int):
            return ending.code or 0
        print(ending.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


say({})
run = launch()
redirect(run)
status = execute(run)
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
# Without taking the modules down one by one, which takes longer than most runs.
os._exit(status)
