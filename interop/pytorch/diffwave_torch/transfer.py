"""Start weights for another sample rate: python -m diffwave_torch.transfer MODEL train.json OUT --data DIR...

MODEL is a vocoder with a windowed front end. `train.json` describes one with the same kernel, stride, channels and
layers, but another rate, mel or number of bins. See README.md, "Another sample rate".
"""

import argparse
import math
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor

from .audio import read_recording, resampled
from .config import training_config
from .errors import InputError, one_line
from .fields import read_json
from .mel import MelTransform
from .model_config import model_config
from .model_folder import CONFIG, WEIGHTS, write_model
from .network import Network
from .recordings import DataError, recordings, recordings_once, some
from .safetensors import CheckpointError, read_safetensors

# Number of recordings, and of frames of each, on which the mels are compared; ridge of the least squares, per frame.
RECORDINGS, FRAMES, RIDGE = 600, 100, 1e-2


def band_centres(filters: Tensor) -> Tensor:
    """Computes the mean bin [M] of each of a mel's filters [M, N]."""
    return (filters * torch.arange(filters.shape[1])).sum(1) / filters.sum(1)


def interpolation(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Interpolates the bands of one mel from those of another, by the bins of their centres. Returns a matrix [M, M']
    and an offset [M].

    Bands with filters of another area differ by its logarithm.
    """
    wanted, have = band_centres(source), band_centres(target)
    above = torch.searchsorted(have, wanted).clamp(1, len(have) - 1)
    share = ((wanted - have[above - 1]) / (have[above] - have[above - 1])).clamp(0, 1)
    matrix = torch.zeros(len(wanted), len(have), dtype=torch.float64)
    matrix[torch.arange(len(wanted)), above - 1] = 1 - share
    matrix[torch.arange(len(wanted)), above] += share
    return matrix, source.sum(1).log() - matrix @ target.sum(1).log()


def mel_frames(transforms: Sequence[MelTransform], folders: Sequence[str], rate: int) -> Iterator[Tensor]:
    """Computes frames of the same samples in two mel conventions: [frames, M] each. @raises DataError"""
    notes: list[str] = []
    found = {folder: recordings(folder, notes.append) for folder in dict.fromkeys(folders)}
    paths = [os.path.join(folder, name) for folder, name in recordings_once(found.items())[0]]
    random = numpy.random.Generator(numpy.random.Philox(key=1))
    frames: tuple[list[Tensor], ...] = ([], [])
    context, unreadable = transforms[0].size // 2, []
    for i in random.permutation(len(paths))[:RECORDINGS]:
        read = read_recording(paths[i])
        if read is None or not numpy.isfinite(read[0]).all():
            unreadable.append(paths[i])
            continue
        audio = torch.from_numpy(resampled(*read, rate))
        if len(audio) <= context:
            continue
        padded = F.pad(audio[None, None], (context, context), mode="reflect")[0]
        mels = [transform(padded)[0].double().T for transform in transforms]
        kept = torch.from_numpy(random.permutation(len(mels[0]))[:FRAMES])
        for part, mel in zip(frames, mels):
            part.append(mel[kept])
    if unreadable:
        notes.append(f"left out, as unreadable: {some(unreadable)}")
    # Folders that overlap have notes in common.
    for note in dict.fromkeys(notes):
        print(note, flush=True)
    if not frames[0]:
        raise DataError(f"no recording of more than {context} samples below {', '.join(folders)}")
    return (torch.cat(part) for part in frames)


def mel_map(source: dict[str, Any], target: dict[str, Any], folders: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Finds how a mel in the convention `source` follows from one in `target`, of the same samples: a matrix [M, M']
    and an offset [M]. They are fitted to recordings by least squares, with the interpolation as the prior."""
    transforms = MelTransform(source), MelTransform(target)
    matrix, offset = interpolation(*(transform.filters.double() for transform in transforms))
    wanted, have = mel_frames(transforms, folders, target["sampleRate"])
    residual = wanted - (have @ matrix.T + offset)
    before, mean = residual.abs().mean(), have.mean(0)
    centred = have - mean
    square = centred.T @ centred + RIDGE * len(have) * torch.eye(have.shape[1], dtype=torch.float64)
    change = torch.linalg.solve(square, centred.T @ (residual - residual.mean(0))).T
    matrix, offset = matrix + change, offset + residual.mean(0) - change @ mean
    after = (wanted - (have @ matrix.T + offset)).abs().mean()
    print(f"mean error of the mel: {before:.3f} by interpolation, {after:.3f} after least squares")
    return matrix, offset


def check_transfer(source: dict[str, Any], target: dict[str, Any]) -> None:
    """@raises CheckpointError unless the weights of a model of the config `source` can start one of `target`"""
    front, other = source["network"]["frontEnd"], target["network"]["frontEnd"]
    if front is None or other is None or source["mel"] is None:
        raise CheckpointError("both models need a mel and a front end of windows")
    networks = source["network"], target["network"]
    if any(network["inputMask"] is None or network["frontEnd"]["envelope"] is None for network in networks):
        raise CheckpointError("both models need an envelope and an input mask")
    if (front["kernel"], front["stride"]) != (other["kernel"], other["stride"]) or other["bins"] < front["bins"]:
        raise CheckpointError("both models need the same kernel and stride, and the new one at least as many bins")
    if source["network"]["mel"]["encoder"] != target["network"]["mel"]["encoder"]:
        raise CheckpointError("both models need the same mel encoder")
    if not source["network"]["mel"]["encoder"]:
        raise CheckpointError("both models need a mel encoder of one layer or more")


def rows_of_bins(bins: int, wider: int, turn: int) -> Tensor:
    """Returns which of `bins` bins each of `wider` ones is generated like [wider]: itself, or if it is new, one below.

    From one position to the next, the phase of bin k changes by 2π·k·stride/kernel, which is the same for bins that are
    a multiple of `turn` = kernel/stride apart.
    """
    back = math.ceil((wider - bins) / turn) * turn
    if back + wider - bins > bins:
        raise CheckpointError("the new model has too many bins above those of the old one")
    rows = torch.arange(wider)
    rows[bins:] -= back
    return rows


def transfer(
    tensors: dict[str, Tensor],
    source: dict[str, Any],
    target: dict[str, Any],
    shapes: dict[str, torch.Size],
    folders: Sequence[str],
) -> dict[str, Tensor]:
    """Converts a model's tensors, by name, from the config `source` to `target`. `shapes`: those of the parameters of
    the new network. `folders`: recordings, to compare the two mels on. @raises CheckpointError, DataError"""
    check_transfer(source, target)
    front, wider, result = source["network"]["frontEnd"], target["network"]["frontEnd"]["bins"], dict(tensors)
    bins = front["bins"]
    # The network ignores the new bins at first …
    inputs = tensors["input_projection.weight"].unflatten(1, (3, bins))
    result["input_projection.weight"] = F.pad(inputs, (0, 0, 0, wider - bins)).flatten(1, 2)
    # … and generates them like those below.
    rows = rows_of_bins(bins, wider, front["kernel"] // front["stride"])
    for name in ("output_projection.weight", "output_projection.bias"):
        result[name] = tensors[name].unflatten(0, (3, bins))[:, rows].flatten(0, 1)
    matrix, offset = mel_map(source["mel"], target["mel"], folders)
    weight = tensors["spectrogram_encoder.0.weight"].double()
    result["spectrogram_encoder.0.weight"] = torch.einsum("oik,ij->ojk", weight, matrix).float()
    bias = tensors["spectrogram_encoder.0.bias"] + torch.einsum("oik,i->o", weight, offset).float()
    result["spectrogram_encoder.0.bias"] = bias
    for name, shape in shapes.items():
        if name not in result or result[name].shape != shape:
            raise CheckpointError(f"{name}: expected {list(shape)}; the models differ in more than rate, mel and bins")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="diffwave_torch.transfer", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", help="model folder")
    parser.add_argument("config", help="train.json of the new model")
    parser.add_argument("out", help="model folder to write")
    parser.add_argument("--data", nargs="+", required=True, help="folders of recordings, to compare the two mels on")
    options = parser.parse_args()
    try:
        source = model_config(read_json(os.path.join(options.model, CONFIG)))
        target = training_config(options.config)["model"]
        network = Network.of_model(target)
        shapes = {name: value.shape for name, value in network.named_parameters()}
        tensors = read_safetensors(os.path.join(options.model, WEIGHTS))[0]
        write_model(options.out, target, transfer(tensors, source, target, shapes, options.data), {})
    except (InputError, OSError) as error:
        sys.exit(one_line(error))


if __name__ == "__main__":
    main()
