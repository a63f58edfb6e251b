"""Trains the network that finds where f0 lies between the pitch tracker's candidates (pitch_network.py):
python -m diffwave_torch.train_pitch train.json --data DIR... --out pitch.json

It learns the pitch of the waveform from recordings: the lag near the mel's own period at which a frame is most like
itself. pitch.json goes into `model.diffusion.prior.harmonics.pitch` of a train.json or config.json.
"""

import argparse
import base64
import json
import os
import sys
from collections.abc import Iterable
from typing import Any

import numpy
import torch

from .clips import Clips
from .config import training_config
from .dataset import Dataset
from .errors import InputError, one_line
from .fields import ConfigError
from .files import replacing
from .option_types import whole
from .pitch_candidates import MIN_HERTZ, PER_OCTAVE
from .pitch_network import windows
from .prior import Prior
from .recordings import DataError
from .seeds import seeded

# Max error of the mel's period, as a share of it; number of periods that are compared; min correlation that is trusted.
SEARCH, PERIODS, MIN_CORRELATION = 0.1, 2, 0.8
# Max distance in candidates. A frame that is further off belongs to another octave or voice.
MAX_ERROR = 4.0
CENTS = 1200 / PER_OCTAVE
BATCH, LEARNING_RATE = 1024, 3e-3


def recorded_pitch(audio: numpy.ndarray, f0: numpy.ndarray, hop: int, rate: int) -> numpy.ndarray:
    """Measures f0 of a waveform in Hz [F], 0 without pitch, near the given f0 [F]. Frames are centred on multiples of
    `hop`. The lag is the one with the highest normalised correlation between the audio half a lag before and after the
    middle."""
    found = numpy.zeros(len(f0))
    audio = numpy.asarray(audio, numpy.float64)
    for frame in numpy.nonzero(f0)[0]:
        period = rate / f0[frame]
        lags = numpy.arange(int(period * (1 - SEARCH)) - 1, int(period * (1 + SEARCH)) + 3)
        length = int(PERIODS * period)
        first = frame * hop - (length + lags) // 2
        if first[-1] < 0 or first[0] + length + lags[0] >= len(audio) or (first + length + lags).max() > len(audio):
            continue
        index = numpy.arange(length)
        before, after = audio[first[:, None] + index], audio[(first + lags)[:, None] + index]
        norms = numpy.sqrt((before**2).sum(1) * (after**2).sum(1))
        correlation = (before * after).sum(1) / numpy.maximum(norms, 1e-9)
        best = int(correlation.argmax())
        if correlation[best] < MIN_CORRELATION or best in (0, len(lags) - 1):
            continue
        left, middle, right = correlation[best - 1 : best + 2]
        bend = left - 2 * middle + right
        found[frame] = rate / (lags[best] + ((left - right) / bend / 2 if bend < 0 else 0))
    return found


def examples(
    clips: Clips, numbers: Iterable[int], prior: Prior, frames: int, reach: int
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Makes examples from clips: inputs [N, inputs], and how far above the path f0 lies, in candidates [N]. Also
    returns the errors of the mean over five frames [N], in candidates."""
    tracker, context = prior.pitch, clips.context
    inputs, targets, means = [], [], []
    for number in numbers:
        padded = clips.padded(number)
        scores = tracker.scores(prior.mel(padded[None]).numpy())
        path = tracker.path(scores)
        mean = tracker.smooth(path)[0]
        true = recorded_pitch(padded[context : len(padded) - context].numpy(), mean, prior.mel.hop, prior.rate)
        target = PER_OCTAVE * numpy.log2(numpy.maximum(true, 1) / MIN_HERTZ) - path[0]
        kept = (true > 0) & (numpy.abs(target) < MAX_ERROR)
        inputs.append(windows(scores, path, frames, reach)[0][kept].astype(numpy.float32))
        targets.append(target[kept].astype(numpy.float32))
        means.append(PER_OCTAVE * numpy.log2(mean[kept] / true[kept]))
    return numpy.concatenate(inputs), numpy.concatenate(targets), numpy.concatenate(means)


def train(inputs: numpy.ndarray, targets: numpy.ndarray, hidden: int, epochs: int, seed: int) -> torch.nn.Sequential:
    """Trains the layers on the absolute error, by Adam with a learning rate that falls to 0."""
    with seeded(seed):
        layers = torch.nn.Sequential(
            torch.nn.Linear(inputs.shape[1], hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden, hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden, 1),
        )
    generator = torch.Generator().manual_seed(seed)
    all_inputs, all_targets = torch.from_numpy(inputs), torch.from_numpy(targets)
    optimiser = torch.optim.Adam(layers.parameters())
    updates, update = epochs * -(-len(inputs) // BATCH), 0
    for _ in range(epochs):
        for chosen in torch.randperm(len(inputs), generator=generator).split(BATCH):
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * (1 - update / updates)
            optimiser.zero_grad()
            (layers(all_inputs[chosen])[:, 0] - all_targets[chosen]).abs().mean().backward()
            optimiser.step()
            update += 1
    return layers


def report(name: str, errors: numpy.ndarray) -> None:
    """Says how large errors in candidates [N] are."""
    cents = CENTS * numpy.abs(errors)
    print(
        f"{name}: {numpy.median(cents):.1f} cents off in the median, {cents.mean():.1f} in the mean, "
        f"{numpy.quantile(cents, 0.9):.1f} at the 90th percentile of {len(cents)} frames",
        flush=True,
    )


def network_json(layers: torch.nn.Sequential, frames: int, reach: int, hidden: int) -> dict[str, Any]:
    """Writes the layers as configs state them."""
    weights = numpy.concatenate([value.detach().numpy().ravel() for value in layers.parameters()]).astype("<f4")
    text = base64.b64encode(weights.tobytes()).decode()
    return {"kind": "network", "frames": frames, "reach": reach, "hidden": hidden, "weights": text}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="diffwave_torch.train_pitch", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("config", help="train.json, whose model has harmonics in its prior")
    parser.add_argument("--data", nargs="+", required=True, help="folders of recordings")
    parser.add_argument("--out", required=True, help="JSON file to write")
    parser.add_argument("--clips", type=whole(1), default=600, help="recordings to train on (default: 600)")
    parser.add_argument("--frames", type=whole(0, 8), default=4, help="frames before and after (default: 4)")
    parser.add_argument("--reach", type=whole(1, 24), default=8, help="candidates below and above (default: 8)")
    parser.add_argument("--hidden", type=whole(1, 64), default=16, help="units of each hidden layer (default: 16)")
    parser.add_argument("--epochs", type=whole(1), default=30, help="times that each frame is seen (default: 30)")
    return parser.parse_args()


def train_pitch(options: argparse.Namespace) -> None:
    """Does what the options say. @raises InputError, OSError"""
    folder = os.path.dirname(options.out) or "."
    # This is checked before the training, so that minutes of work are not lost.
    if not os.path.isdir(folder):
        raise ConfigError(f"--out {options.out}: no such folder: {folder}")
    config = training_config(options.config)
    prior = Prior(config["model"])
    if prior.harmonics is None:
        raise ConfigError("model.diffusion.prior.harmonics: missing; without them no pitch is needed")
    dataset = Dataset(options.data, config, prior.context)
    if not dataset.validation.lengths:
        raise DataError("data.validationShare: no recording is kept for validation")
    for note in dataset.notes:
        print(note, flush=True)
    clips, kept = dataset.training, dataset.validation
    chosen = numpy.random.default_rng(config["seed"]).permutation(len(clips.lengths))[: options.clips]
    inputs, targets, _ = examples(clips, chosen, prior, options.frames, options.reach)
    held_back, wanted, means = examples(kept, range(len(kept.lengths)), prior, options.frames, options.reach)
    if not len(inputs) or not len(held_back):
        raise DataError(f"no pitch found in the recordings below {', '.join(options.data)}")
    layers = train(inputs, targets, options.hidden, options.epochs, config["seed"])
    with torch.no_grad():
        found = layers(torch.from_numpy(held_back))[:, 0].numpy()
    report("mean over five frames", means)
    report("network", found - wanted)
    with replacing(options.out) as file:
        json.dump(network_json(layers, options.frames, options.reach, options.hidden), file)
        file.write("\n")


def main() -> None:
    try:
        train_pitch(arguments())
    except (InputError, OSError) as error:
        sys.exit(one_line(error))


if __name__ == "__main__":
    main()
