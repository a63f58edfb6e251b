"""Model folders and checkpoints, in the layouts of src/model/folder.ts and src/training/run/checkpoint.ts.

python -m diffwave_torch.checkpoint RUN SMALL: a run's checkpoint and model as float16, half as large. A run continued
from the small checkpoint goes on almost alike: moments of Adam hardly notice, and weights are those of the average.
"""

import json
import os
import shutil
import struct
import sys

import numpy
import torch

from .errors import InputError, one_line, reason

KINDS = {"F32": "<f4", "F16": "<f2"}
FILE = "checkpoint.safetensors"
# Second moments lie below float16's range: small checkpoints contain their roots times this factor.
ROOT_SCALE = 1e3


class CheckpointError(InputError):
    """Error in a file. Its message is one line."""


def write_safetensors(path, tensors, metadata=None):
    """Writes tensors by name, float32 or float16. The file is replaced as a whole."""
    header = {"__metadata__": metadata} if metadata else {}
    arrays, offset = [], 0
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().contiguous().numpy()
        kind = {4: "F32", 2: "F16"}[array.itemsize]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        arrays.append(array)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".new", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            file.write(array.tobytes())
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def read_safetensors(path):
    """Reads tensors by name as float32, and the metadata. @raises CheckpointError"""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except OSError as error:
        raise CheckpointError(f"{path}: {reason(error)}") from None
    length = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else len(data)
    if length > len(data) - 8:
        raise CheckpointError(f"{path}: not a safetensors file, or cut short")
    try:
        header, body = json.loads(data[8 : 8 + length]), memoryview(data)[8 + length :]
    except ValueError:
        raise CheckpointError(f"{path}: not a safetensors file") from None
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] not in KINDS or end > len(body):
            raise CheckpointError(f"{path}: {name} is of type {entry['dtype']}, or the file is cut short")
        array = numpy.frombuffer(body[begin:end], KINDS[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.astype(numpy.float32))
    return tensors, metadata


def copy_parameters(targets, tensors, path):
    """Copies tensors into the parameters of the same names. @raises CheckpointError if one is missing, unknown or of
    another shape"""
    for name in tensors:
        if name not in targets:
            raise CheckpointError(f"{path}: the network has no parameter {name}")
    with torch.no_grad():
        for name, target in targets.items():
            found = tensors.get(name)
            if found is None:
                raise CheckpointError(f"{path}: the parameter {name} is missing")
            if found.shape != target.shape:
                shapes = f"expected {list(target.shape)}, got {list(found.shape)}"
                raise CheckpointError(f"{path}: the parameter {name} has another shape: {shapes}")
            target.copy_(found)


def write_model(folder, model, tensors, provenance):
    """Writes `weights.safetensors`, then `config.json`: a folder without a config does not count as a model."""
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, "weights.safetensors"), tensors)
    config = {"format": "diffwave", "version": 1, **model, "provenance": {**model.get("provenance", {}), **provenance}}
    path = os.path.join(folder, "config.json")
    with open(path + ".new", "w", encoding="utf8") as file:
        file.write(json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    os.replace(path + ".new", path)


class State:
    """The state of a run: the network's parameters by name, their average, and the optimiser."""

    def __init__(self, parameters, optimiser):
        self.parameters, self.optimiser = parameters, optimiser
        self.average = {name: value.detach().clone() for name, value in parameters.items()}

    def moments(self, name):
        """Returns the first and second moment of a parameter, or None before the first update."""
        state = self.optimiser.state.get(self.parameters[name])
        return (state["exp_avg"], state["exp_avg_sq"]) if state else None

    def write(self, folder, position):
        tensors = {f"weights/{name}": value for name, value in self.parameters.items()}
        tensors.update((f"average/{name}", value) for name, value in self.average.items())
        for name in self.parameters:
            if self.moments(name):
                tensors[f"first/{name}"], tensors[f"second/{name}"] = self.moments(name)
        write_safetensors(os.path.join(folder, FILE), tensors, {"position": json.dumps(position, ensure_ascii=False)})

    def read(self, folder):
        """Restores what `write` wrote, and returns the position. @raises CheckpointError"""
        path = os.path.join(folder, FILE)
        tensors, metadata = read_safetensors(path)
        if "position" not in metadata:
            raise CheckpointError(f"{path}: the checkpoint does not say its position")
        position = json.loads(metadata["position"])
        part = lambda prefix: {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
        copy_parameters(self.parameters, part("weights/"), path)
        copy_parameters(self.average, part("average/"), path)
        if position["optimiserStep"]:
            first = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
            second = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
            copy_parameters(first, part("first/"), path)
            copy_parameters(second, part("second/"), path)
            for name, value in self.parameters.items():
                if "narrow" in metadata:
                    second[name].div_(ROOT_SCALE).square_()
                step = torch.tensor(float(position["optimiserStep"]), device=value.device)
                self.optimiser.state[value] = {"step": step, "exp_avg": first[name], "exp_avg_sq": second[name]}
        return position


def narrow(tensors, metadata):
    """Converts the tensors of a checkpoint to float16, and marks its metadata. @raises CheckpointError if a number is
    too large"""
    if "narrow" in metadata:
        return {name: value.half() for name, value in tensors.items()}, metadata
    small = {}
    for name, value in tensors.items():
        small[name] = (value.sqrt() * ROOT_SCALE if name.startswith("second/") else value).half()
        if not torch.isfinite(small[name]).all():
            raise CheckpointError(f"{name} holds a number too large for float16")
    return small, {**metadata, "narrow": f"float16; of second moments {ROOT_SCALE:g} times the root"}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: python -m diffwave_torch.checkpoint RUN SMALL")
    run, small = sys.argv[1:]
    os.makedirs(small, exist_ok=True)
    write_safetensors(os.path.join(small, FILE), *narrow(*read_safetensors(os.path.join(run, FILE))))
    weights, metadata = read_safetensors(os.path.join(run, "model", "weights.safetensors"))
    halves = {name: value.half() for name, value in weights.items()}
    write_safetensors(os.path.join(small, "weights.safetensors"), halves, metadata)
    shutil.copy(os.path.join(run, "model", "config.json"), small)


if __name__ == "__main__":
    try:
        main()
    except (InputError, OSError) as error:
        sys.exit(one_line(error))
