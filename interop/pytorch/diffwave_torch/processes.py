"""The processes of a run and their devices."""

import os
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from .errors import first_line
from .fields import ConfigError
from .network import Network

# The oldest PyTorch that was tried.
OLDEST = (2, 1)
# How long to wait for the store of the processes when the run has failed.
STORE_PATIENCE = timedelta(seconds=10)


def check_version() -> None:
    """@raises ConfigError if this PyTorch is too old"""
    if tuple(map(int, torch.__version__.split(".")[:2])) < OLDEST:
        raise ConfigError(f"PyTorch {torch.__version__} is too old; expected {'.'.join(map(str, OLDEST))} or later")


def device_of(name: str) -> torch.device:
    """Finds the device of an option, and tries it. @raises ConfigError"""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"--device {name}: expected cpu, cuda or cuda:N")
    if device.type == "cpu":
        return device
    if not torch.cuda.is_available():
        built = "" if torch.version.cuda else f"; this PyTorch, {torch.__version__}, is built without CUDA"
        raise ConfigError(f"--device {name}: PyTorch finds no CUDA device{built}")
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise ConfigError(f"--device {name}: PyTorch finds {torch.cuda.device_count()} CUDA devices, counted from 0")
    try:
        # Fails on a GPU that this build of PyTorch has no code for, or whose memory is taken.
        torch.ones(1, device=device).sum().item()
    except RuntimeError as error:
        raise ConfigError(f"--device {name}: {first_line(error)}") from error
    return device


def check_bf16(device: torch.device) -> None:
    """@raises ConfigError if a GPU cannot compute with bfloat16, or only slowly"""
    if device.type == "cpu":
        return
    # PyTorch says it of the current device.
    with torch.cuda.device(device):
        try:
            is_supported = torch.cuda.is_bf16_supported(including_emulation=False)
        except TypeError:
            # PyTorch before 2.4 does not count emulation.
            is_supported = torch.cuda.is_bf16_supported()
    if not is_supported:
        raise ConfigError("--precision bf16: this GPU cannot compute with bfloat16; use --precision float32")


class Processes:
    """This process among those that torchrun started; alone without it."""

    def __init__(self, device: str):
        """@raises ConfigError"""
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        # Number of processes on this machine.
        self.local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        self.device = device_of(device)
        if self.count > 1:
            if self.device.type == "cuda":
                self.device = device_of(f"cuda:{os.environ['LOCAL_RANK']}")
                torch.cuda.set_device(self.device)
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    def asks_first(self, key: str) -> bool:
        """Whether this process is the first of all to ask for `key`. Unlike the other methods, it is not for all
        processes at a time: those that have not failed wait for the one that has, in a collective call."""
        if self.count == 1:
            return True
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        try:
            store = distributed.TCPStore(address, port, is_master=False, timeout=STORE_PATIENCE)
            return store.add(f"diffwave/{key}", 1) == 1
        except RuntimeError:
            # Without torchrun, the store ends with the first process.
            return self.is_first

    def wrap(self, network: Network) -> Network | DistributedDataParallel:
        """Makes backward passes average the gradients over all processes."""
        if self.count == 1:
            return network
        devices = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices)

    def mean(self, value: Tensor) -> Tensor:
        """Computes the mean of a tensor over all processes, in place."""
        if self.count > 1:
            distributed.all_reduce(value)
            value /= self.count
        return value

    def any(self, flag: bool) -> bool:
        """Whether a flag is set in any process."""
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Averages each gradient over all processes, in place."""
        if self.count > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    self.mean(parameter.grad)

    def numbers(self, batch: int) -> range:
        """Returns the numbers of this process's crops, if each process has `batch` crops."""
        return range(self.rank * batch, (self.rank + 1) * batch)

    def close(self) -> None:
        if self.count > 1:
            distributed.destroy_process_group()


def device_text(device: torch.device) -> str:
    """Names a device, for the log."""
    if device.type == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    memory = torch.cuda.get_device_properties(device).total_memory / 2**30
    return f"{torch.cuda.get_device_name(device)}, {memory:.0f} GiB"
