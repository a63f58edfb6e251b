"""Packs a run for a rented GPU: python -m diffwave_torch.pack train.json... --data DIR... --out PACK [--run RUN]

PACK gets part-1.tar, part-2.tar …, none larger than --part-mebibytes: this code, the configs, the weights or the whole
checkpoint, and as many recordings as fit, taken in turns from all folders, as Ogg Vorbis. On the other machine
`gpu-run.sh` unpacks them and trains. Recordings of one folder are joined to pieces of minutes, since each file costs
kilobytes.
"""

import argparse
import glob
import io
import os
import sys
import tarfile
from collections import Counter

import numpy
import soundfile

from .checkpoint import narrow, read_safetensors, write_safetensors
from .config import training_config
from .data import fault, left_out_text, read_recording, resampled
from .errors import InputError, one_line
from .option_types import above_zero, whole
from .recordings import recordings

HERE = os.path.dirname(os.path.abspath(__file__))
MEBIBYTE = 2**20


def arguments():
    parser = argparse.ArgumentParser(prog="diffwave_torch.pack", description=__doc__.splitlines()[0])
    parser.add_argument("configs", metavar="config", nargs="+", help="train.json for the GPU, one per stage")
    parser.add_argument("--data", nargs="+", required=True, help="folders of recordings")
    parser.add_argument("--out", required=True, help="folder for the parts")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--run", help="run folder to continue; without it or --from, training starts anew")
    start.add_argument("--from", dest="start", help="model folder whose weights to start from")
    parser.add_argument(
        "--optimiser", action="store_true", help="take the optimiser's state, too, not only the average of weights"
    )
    parser.add_argument("--parts", type=whole(1), default=1, help="number of parts (default: 1)")
    parser.add_argument("--part-mebibytes", type=above_zero, default=60, help="size of a part (default: 60)")
    parser.add_argument("--piece-minutes", type=above_zero, default=3, help="length of a joined piece (default: 3)")
    parser.add_argument(
        "--compression", type=float, default=0.3, help="of Vorbis, 0 to 1: 0.3 is about 70 kbit/s (default: 0.3)"
    )
    return parser.parse_args()


def pieces(folder, rate, seconds, left_out):
    """Joins the usable recordings of a folder to pieces of about `seconds` seconds. Yields samples and their rate, at
    most `rate`. Counts the others in `left_out`, by reason."""
    joined, length, own_rate = [], 0, None
    for name in recordings(folder, lambda note: print(note, flush=True)):
        samples, own = read_recording(os.path.join(folder, name)) or (None, None)
        reason = "unreadable" if samples is None else fault(samples, own // 2)
        if reason:
            left_out[reason] += 1
            continue
        target = min(own, rate)
        if joined and (target != own_rate or length > seconds * own_rate):
            yield numpy.concatenate(joined), own_rate
            joined, length = [], 0
        joined.append(resampled(samples, own, target))
        length, own_rate = length + len(joined[-1]), target
    if joined:
        yield numpy.concatenate(joined), own_rate


def in_turns(iterators):
    """Yields one item from each iterator in turn, with the number of the iterator."""
    waiting = list(enumerate(iterators))
    while waiting:
        for entry in list(waiting):
            try:
                yield entry[0], next(entry[1])
            except StopIteration:
                waiting.remove(entry)


def vorbis(samples, rate, compression):
    """Encodes samples as an Ogg Vorbis file. They are written one second at a time, since libsndfile's encoder needs
    stack memory for all samples of a call."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format="OGG", subtype="VORBIS", compression_level=compression) as ogg:
        for start in range(0, len(samples), rate):
            ogg.write(samples[start : start + rate])
    return file.getvalue()


class Parts:
    """Writes tar files, one after the other, up to a max size."""

    def __init__(self, folder, count, size):
        self.folder, self.count, self.size, self.number, self.tar = folder, count, size, 0, None
        os.makedirs(folder, exist_ok=True)
        for old in glob.glob(os.path.join(folder, "part-*.tar")):
            os.remove(old)

    def add(self, name, data):
        """Adds a file, to the next part if this one is full. Returns whether it still fitted."""
        # A tar has a header of 512 bytes per file, pads files to 512 and its end to 10,240.
        need = len(data) + 1024
        if self.tar is None or self.used + need > self.size - 10240:
            if self.number == self.count or need > self.size - 10240:
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

    def close(self):
        if self.tar is not None:
            self.tar.close()
            self.tar = None


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def code_files():
    """Yields name and bytes of this package's source files, and of the script that runs them on the other machine."""
    for path in sorted(glob.glob(os.path.join(HERE, "*.py"))):
        yield f"code/diffwave_torch/{os.path.basename(path)}", contents(path)
    yield "gpu-run.sh", contents(os.path.join(HERE, "..", "gpu-run.sh"))


def start_files(options):
    """Yields name and bytes of the configs, and of the weights or the checkpoint that training starts from."""
    for config in options.configs:
        yield os.path.basename(config), contents(config)
    if options.start:
        yield "start/weights.safetensors", contents(os.path.join(options.start, "weights.safetensors"))
    if options.run is None:
        return
    tensors, metadata = read_safetensors(os.path.join(options.run, "checkpoint.safetensors"))
    path = os.path.join(options.out, "start.safetensors")
    if options.optimiser:
        write_safetensors(path, *narrow(tensors, metadata))
        name = "run/checkpoint.safetensors"
    else:
        prefix = "average/"
        average = {key[len(prefix) :]: value.half() for key, value in tensors.items() if key.startswith(prefix)}
        write_safetensors(path, average)
        name = "start/weights.safetensors"
    data = contents(path)
    os.remove(path)
    yield name, data


def main():
    options = arguments()
    try:
        rate = training_config(options.configs[0])["model"]["sampleRate"]
        parts = Parts(options.out, options.parts, int(options.part_mebibytes * MEBIBYTE))
        for name, data in [*code_files(), *start_files(options)]:
            if not parts.add(name, data):
                sys.exit(f"error: {name} does not fit into the parts")
        minutes, left_out, seconds = [0.0] * len(options.data), Counter(), options.piece_minutes * 60
        for i, (samples, own) in in_turns(pieces(folder, rate, seconds, left_out) for folder in options.data):
            if not parts.add(f"data/{i}/{int(minutes[i] * 60):06d}.ogg", vorbis(samples, own, options.compression)):
                break
            minutes[i] += len(samples) / own / 60
        parts.close()
    except (InputError, OSError) as error:
        sys.exit(one_line(error))
    for folder, taken in zip(options.data, minutes):
        print(f"{taken / 60:6.2f} hours  {folder}")
    print(f"{sum(minutes) / 60:6.2f} hours in {parts.number} {'part' if parts.number == 1 else 'parts'}")
    if left_out:
        print(left_out_text(left_out))


if __name__ == "__main__":
    main()
