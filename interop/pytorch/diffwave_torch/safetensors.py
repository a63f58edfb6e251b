"""Reads and writes safetensors files with float32 and float16 tensors."""

import json
import struct
from typing import Any

import numpy
import torch
from torch import Tensor

from .errors import InputError
from .files import named, replacing

KINDS = {"F32": "<f4", "F16": "<f2"}


class CheckpointError(InputError):
    """Error in a file of tensors. Its message is one line."""


def write_safetensors(path: str, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Writes tensors by name, float32 or float16. The file is replaced as a whole."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    arrays, offset = [], 0
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().contiguous().numpy()
        kind = {4: "F32", 2: "F16"}[array.itemsize]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        arrays.append(array)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    # Tensors start at a multiple of 8 bytes, so that readers can map the file.
    text += b" " * (-len(text) % 8)
    with replacing(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            file.write(array.tobytes())


def read_safetensors(path: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads tensors by name as float32, and the metadata. @raises CheckpointError, OSError"""
    with named(path), open(path, "rb") as file:
        data = file.read()
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise CheckpointError(f"{path}: not a safetensors file, or cut short")
    body = memoryview(data)[8 + length :]
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        return {name: tensor_of(f"{path}: {name}", entry, body) for name, entry in header.items()}, metadata
    except CheckpointError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{path}: not a safetensors file") from None


def tensor_of(where: str, entry: dict[str, Any], body: memoryview) -> Tensor:
    """Copies a tensor out of the file's body, as float32. `entry`: the tensor's entry in the header."""
    begin, end = entry["data_offsets"]
    if entry["dtype"] not in KINDS:
        raise CheckpointError(f"{where} is of type {entry['dtype']}, expected {' or '.join(KINDS)}")
    if end > len(body):
        raise CheckpointError(f"{where} ends beyond the end of the file, which is cut short")
    array = numpy.frombuffer(body[begin:end], KINDS[entry["dtype"]]).reshape(entry["shape"])
    return torch.from_numpy(array.astype(numpy.float32))


def part_of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Returns the tensors whose names have a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def copy_parameters(targets: dict[str, Tensor], tensors: dict[str, Tensor], path: str) -> None:
    """Copies tensors into the parameters of the same names. `path`: the file that they are from, for errors.

    @raises CheckpointError if one is missing, unknown or of another shape
    """
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
