"""Packs a run for a rented GPU: python -m diffwave_torch.pack train.json... --data DIR... --out PACK [--run RUN]

PACK gets part-1.tar, part-2.tar …, none larger than --part-mebibytes: this code, the configs, the weights or the whole
checkpoint, and as many recordings as fit, taken in turns from all folders, as Ogg Vorbis. On the other machine
`gpu-run.sh` unpacks them and trains. Recordings of one folder are joined to pieces of minutes, since each file costs
kilobytes. Whatever would end a run there is refused here, where nobody pays for the time.
"""

import argparse
import glob
import io
import os
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy
import soundfile

from .adversarial_config import adversarial_config
from .audio import fault, left_out_text, read_recording, resampled
from .checkpoint import FILE
from .config import training_config
from .errors import InputError, one_line
from .fields import ConfigError
from .model_folder import WEIGHTS
from .narrow import narrow
from .network import Network
from .option_types import above_zero, real, whole
from .recordings import DataError, recordings, recordings_once, some
from .safetensors import copy_parameters, part_of, read_safetensors, write_safetensors

HERE = os.path.dirname(os.path.abspath(__file__))
MEBIBYTE = 2**20
# A tar file has a header of this size for each file, and pads files to a multiple of it and its end to TAR_END.
TAR_BLOCK, TAR_END = 512, 10240

Item = TypeVar("Item")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="diffwave_torch.pack", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("configs", metavar="config", nargs="+", help="train.json for the GPU, one per stage")
    parser.add_argument("--data", nargs="+", required=True, help="folders of recordings")
    parser.add_argument("--out", required=True, help="folder for the parts")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--run", help="run folder to continue; without it or --from, training starts from scratch")
    start.add_argument("--from", dest="start", help="model folder whose weights to start from")
    parser.add_argument(
        "--optimiser", action="store_true", help="take the optimiser's state, too, not only the average of weights"
    )
    parser.add_argument("--parts", type=whole(1), default=1, help="number of parts (default: 1)")
    parser.add_argument("--part-mebibytes", type=above_zero, default=60, help="size of a part (default: 60)")
    parser.add_argument("--piece-minutes", type=above_zero, default=3, help="length of a joined piece (default: 3)")
    parser.add_argument(
        "--compression", type=real(0, 1), default=0.3, help="of Vorbis, 0 to 1: 0.3 is about 70 kbit/s (default: 0.3)"
    )
    options = parser.parse_args()
    if options.optimiser and options.run is None:
        parser.error("--optimiser needs --run")
    return options


def pieces(
    paths: Iterable[str], rate: int, seconds: float, left_out: Counter[str]
) -> Iterator[tuple[numpy.ndarray, int]]:
    """Joins the usable recordings of a folder to pieces of about `seconds` seconds. Yields samples and their rate, at
    most `rate`. Counts the others in `left_out`, by reason."""
    joined: list[numpy.ndarray] = []
    length, own_rate = 0, 0
    for path in paths:
        read = read_recording(path)
        reason = "unreadable" if read is None else fault(read[0], read[1] // 2)
        if read is None or reason:
            left_out[str(reason)] += 1
            continue
        samples, own = read
        target = min(own, rate)
        if joined and (target != own_rate or length > seconds * own_rate):
            yield numpy.concatenate(joined), own_rate
            joined, length = [], 0
        joined.append(resampled(samples, own, target))
        length, own_rate = length + len(joined[-1]), target
    if joined:
        yield numpy.concatenate(joined), own_rate


def in_turns(iterators: Iterable[Iterator[Item]]) -> Iterator[tuple[int, Item]]:
    """Yields one item from each iterator in turn, with the number of the iterator."""
    waiting = list(enumerate(iterators))
    while waiting:
        for entry in list(waiting):
            try:
                yield entry[0], next(entry[1])
            except StopIteration:
                waiting.remove(entry)


def vorbis(samples: numpy.ndarray, rate: int, compression: float) -> bytes:
    """Encodes samples as an Ogg Vorbis file. They are written one second at a time, since libsndfile's encoder needs
    stack memory for all samples of a call. @raises InputError"""
    file = io.BytesIO()
    form = {"format": "OGG", "subtype": "VORBIS", "compression_level": compression}
    try:
        ogg = soundfile.SoundFile(file, "w", rate, 1, **form)
    except TypeError:
        raise InputError(f"soundfile {soundfile.__version__} cannot set the compression; 0.13 or later can") from None
    with ogg:
        for start in range(0, len(samples), rate):
            ogg.write(samples[start : start + rate])
    return file.getvalue()


class Parts:
    """Writes tar files, one after the other, up to a max size."""

    def __init__(self, folder: str, count: int, size: int):
        """Makes the folder, and removes the parts of a former pack."""
        self.folder, self.count, self.size, self.number, self.used = folder, count, size, 0, 0
        self.tar: tarfile.TarFile | None = None
        os.makedirs(folder, exist_ok=True)
        self.remove()

    def remove(self) -> None:
        """Removes all parts: nobody should send some of them."""
        self.close()
        for path in glob.glob(os.path.join(glob.escape(self.folder), "part-*.tar")):
            os.remove(path)

    def add(self, name: str, data: bytes) -> bool:
        """Adds a file, to the next part if this one is full. Returns whether it still fitted."""
        need, most = len(data) + 2 * TAR_BLOCK, self.size - TAR_END
        if self.tar is None or self.used + need > most:
            if self.number == self.count or need > most:
                return False
            self.close()
            self.number += 1
            self.tar = tarfile.open(os.path.join(self.folder, f"part-{self.number}.tar"), "w")
            self.used = 0
        info = tarfile.TarInfo(name)
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))
        self.used += need
        return True

    def close(self) -> None:
        if self.tar is not None:
            self.tar.close()
            self.tar = None


def contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def code_files() -> Iterator[tuple[str, bytes]]:
    """Yields name and bytes of this package's source files, and of the script that runs them on the other machine."""
    for path in sorted(glob.glob(os.path.join(glob.escape(HERE), "*.py"))):
        yield f"code/diffwave_torch/{os.path.basename(path)}", contents(path)
    yield "gpu-run.sh", contents(os.path.join(HERE, "..", "gpu-run.sh"))


def check_configs(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Reads the configs of all stages. @raises ConfigError, OSError"""
    names = [os.path.basename(path) for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{name}: configs need different names, since they are packed into one folder")
    configs = []
    for path in paths:
        try:
            configs.append(training_config(path))
            if configs[-1]["adversarial"] is not None:
                adversarial_config(configs[-1])
        except ConfigError as error:
            raise error if str(error).startswith(path) else ConfigError(f"{path}: {error}") from None
    return configs


def start_file(options: argparse.Namespace, configs: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yields name and bytes of the weights or the checkpoint that training starts from, if there are any.
    @raises CheckpointError if they do not fit the configs"""
    if options.run is None and options.start is None:
        return
    source = os.path.join(options.run, FILE) if options.run else os.path.join(options.start, WEIGHTS)
    tensors, metadata = read_safetensors(source)
    average = part_of(tensors, "average/") if options.run else tensors
    for config in configs:
        copy_parameters(dict(Network.of_model(config["model"]).named_parameters()), average, source)
    path = os.path.join(options.out, "start.safetensors")
    try:
        if options.optimiser:
            write_safetensors(path, *narrow(tensors, metadata))
            yield f"run/{FILE}", contents(path)
        else:
            write_safetensors(path, {name: value.half() for name, value in average.items()})
            yield f"start/{WEIGHTS}", contents(path)
    finally:
        if os.path.exists(path):
            os.remove(path)


def found_once(folders: Sequence[str]) -> list[list[str]]:
    """Lists the paths of the recordings of each folder. Files that several folders have count for the first."""
    note = lambda text: print(text, flush=True)
    found = {folder: recordings(folder, note) for folder in dict.fromkeys(folders)}
    once, again = recordings_once((folder, found[folder]) for folder in folders)
    if again:
        note(f"found more than once in the data folders, used once: {some(again)}")
    return [[os.path.join(folder, name) for folder, name in once if folder == own] for own in dict.fromkeys(folders)]


def pack(options: argparse.Namespace) -> None:
    """Does what the options say. @raises InputError, OSError"""
    configs = check_configs(options.configs)
    paths = found_once(options.data)
    os.makedirs(options.out, exist_ok=True)
    needed = [(os.path.basename(path), contents(path)) for path in options.configs]
    needed += [*code_files(), *start_file(options, configs)]
    parts = Parts(options.out, options.parts, int(options.part_mebibytes * MEBIBYTE))
    rate, left_out, minutes = configs[0]["model"]["sampleRate"], Counter[str](), [0.0] * len(paths)
    try:
        for name, data in needed:
            if not parts.add(name, data):
                raise InputError(f"{name} does not fit into the parts; use larger --part-mebibytes or more --parts")
        iterators = [pieces(own, rate, options.piece_minutes * 60, left_out) for own in paths]
        for i, (samples, own_rate) in in_turns(iterators):
            name = f"data/{i}/{int(minutes[i] * 60):06d}.ogg"
            if not parts.add(name, vorbis(samples, own_rate, options.compression)):
                if not any(minutes):
                    raise InputError(
                        "no recordings fit into the parts; use larger --part-mebibytes or smaller --piece-minutes"
                    )
                break
            minutes[i] += len(samples) / own_rate / 60
        if not any(minutes):
            raise DataError("; ".join(["no recording to pack", *([left_out_text(left_out)] if left_out else [])]))
        parts.close()
    except BaseException:
        parts.remove()
        raise
    for folder, taken in zip(dict.fromkeys(options.data), minutes):
        print(f"{taken / 60:6.2f} hours  {folder}")
    print(f"{sum(minutes) / 60:6.2f} hours in {parts.number} {'part' if parts.number == 1 else 'parts'}")
    if left_out:
        print(left_out_text(left_out))


def main() -> None:
    try:
        pack(arguments())
    except (InputError, OSError) as error:
        sys.exit(one_line(error))


if __name__ == "__main__":
    main()
