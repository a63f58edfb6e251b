"""Trains a vocoder: python -m diffwave_torch.train train.json --data DIR... --out RUN [--resume] [--minutes N]

RUN gets checkpoint.safetensors (resumable, also after a kill), model/ (the average of weights) and metrics.jsonl. Under
torchrun, every process trains on its own share of a batch as many times larger, and gradients are averaged. See
README.md.
"""

import argparse
import math
import sys

import torch

from .clock import Clock
from .config import MAX_BATCH, training_config
from .errors import InputError, one_line
from .option_types import above_zero, real, whole
from .processes import Processes, check_bf16, check_version
from .trainer import Trainer


def arguments(program: str, text: str) -> argparse.Namespace:
    """Reads the command line of a stage of training. `text`: the module's docstring."""
    parser = argparse.ArgumentParser(prog=program, description=text.partition("\n")[0])
    parser.add_argument("config", help="train.json")
    parser.add_argument("--data", nargs="+", required=True, help="folders of recordings")
    parser.add_argument("--out", required=True, help="run folder")
    parser.add_argument(
        "--resume", action="store_true", help="continue from the run folder's checkpoint, if it has one"
    )
    parser.add_argument("--new-data", action="store_true", help="resume even if the recordings have changed")
    parser.add_argument("--from", dest="start", help="model folder whose weights to start from")
    parser.add_argument(
        "--minutes", type=above_zero, default=math.inf, help="stop so many minutes after the start of the program"
    )
    parser.add_argument(
        "--decay-minutes",
        type=real(0),
        default=0,
        help="lower the learning rate over the last of --minutes (default: 0)",
    )
    parser.add_argument("--max-steps", type=whole(1), default=None, help="stop at this update")
    parser.add_argument(
        "--batch", type=whole(1, MAX_BATCH), default=None, help="crops per update and process (default: data.batch)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument("--threads", type=whole(1), default=None, help="CPU threads per process")
    parser.add_argument(
        "--workers",
        type=whole(0),
        default=None,
        help="processes that find pulses ahead (default: 0 on a CPU; with a GPU one fewer than there are CPU cores)",
    )
    parser.add_argument("--precision", choices=["bf16", "float32"], default="bf16", help="of the residual stack")
    parser.add_argument("--compile", action="store_true", help="compile the network with torch.compile")
    options = parser.parse_args()
    if options.decay_minutes and math.isinf(options.minutes):
        parser.error("--decay-minutes needs --minutes")
    return options


def run_training(trainer: type[Trainer], options: argparse.Namespace) -> str | int | None:
    """Runs a trainer of a class to its end. Returns what `sys.exit` takes: None, or the error in one line."""
    clock = Clock(options.minutes, options.decay_minutes)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        check_version()
        config = training_config(options.config)
        if options.batch is not None:
            config["data"]["batch"] = options.batch
        processes = Processes(options.device)
        if options.precision == "bf16":
            check_bf16(processes.device)
        trainer(config, options, processes, clock).run()
        processes.close()
    except (InputError, OSError) as error:
        return one_line(error)
    except KeyboardInterrupt:
        # Before the first update: there is nothing to save.
        return 130
    return None


if __name__ == "__main__":
    sys.exit(run_training(Trainer, arguments("diffwave_torch.train", __doc__ or "")))
