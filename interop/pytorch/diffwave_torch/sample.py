"""Mels to audio: python -m diffwave_torch.sample MODEL MEL.npy... -o OUT [--steps 4]

OUT is a WAV file, or a folder if there are several mels. A mel file is [bands, frames], float32. To compare with the
Node package, use its own `diffwave synthesize`; this is for looking at a run before it is finished.
"""

import argparse
import os
import sys

import numpy
import soundfile
import torch

from .checkpoint import copy_parameters, read_safetensors
from .diffusion import Schedule, sampling_levels, synthesize
from .errors import InputError, one_line, reason
from .fields import read_json
from .model_config import CORRECTION, model_config
from .network import Network
from .option_types import whole


def load_model(folder, device="cpu"):
    """Loads a model folder: the network with its weights, and the config. @raises CheckpointError, ConfigError"""
    model = model_config(read_json(os.path.join(folder, "config.json")))
    network = Network.of_model(model)
    path = os.path.join(folder, "weights.safetensors")
    copy_parameters(dict(network.named_parameters()), read_safetensors(path)[0], path)
    return network.to(device).eval(), model


def read_mel(path):
    """Reads the array of a .npy file as float32. @raises SystemExit that says what is wrong with the file"""
    try:
        return torch.from_numpy(numpy.load(path)).float()
    except FileNotFoundError:
        sys.exit(f"error: {path}: no such file")
    except OSError as error:
        sys.exit(f"error: {path}: {reason(error)}")
    except (ValueError, TypeError, EOFError):
        sys.exit(f"error: {path}: this is not a .npy file of numbers")


def main():
    parser = argparse.ArgumentParser(prog="diffwave_torch.sample", description=__doc__.splitlines()[0])
    parser.add_argument("model", help="model folder")
    parser.add_argument("mels", nargs="+", help=".npy files, [bands, frames]")
    parser.add_argument("-o", "--out", required=True, help="WAV file or folder")
    parser.add_argument("--steps", type=whole(1), default=4, help="denoising steps (default: 4)")
    parser.add_argument("--levels", type=float, nargs="+", help="training steps to visit instead, noisiest first")
    parser.add_argument("--passes", type=whole(0), help="passes of the correction, 0 for none (default: the model's)")
    parser.add_argument("--noise-scale", type=float, help="share of noise to keep (default: the model's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--zero-last", action="store_true", help="zero the last layer: what is there without the network"
    )
    options = parser.parse_args()
    try:
        network, model = load_model(options.model, options.device)
    except InputError as error:
        sys.exit(one_line(error))
    if options.zero_last:
        torch.nn.init.zeros_(network.output_projection.weight)
        torch.nn.init.zeros_(network.output_projection.bias)
    correction = CORRECTION(network.correction or {}, "correction")
    if options.passes is not None:
        correction["passes"] = options.passes
    if network.correction or options.passes:
        network.correction = correction if correction["passes"] else None
    schedule = Schedule(model["diffusion"]["training"], options.device)
    levels, noise_scale = sampling_levels(model["diffusion"], schedule, options.steps)
    levels = options.levels or levels
    if options.noise_scale is not None:
        noise_scale = options.noise_scale
    single = options.out.lower().endswith(".wav")
    if single and len(options.mels) > 1:
        sys.exit(f"error: {options.out}: expected a folder for {len(options.mels)} mels")
    for path in options.mels:
        mel = read_mel(path).to(options.device)
        if mel.dim() != 2 or mel.shape[0] != model["mel"]["bands"]:
            sys.exit(f"error: {path}: expected [{model['mel']['bands']}, frames], got {list(mel.shape)}")
        generator = torch.Generator(options.device).manual_seed(options.seed)
        audio = synthesize(network, schedule, mel[None], levels, generator, noise_scale)[0]
        name = os.path.splitext(os.path.basename(path))[0] + ".wav"
        target = options.out if single else os.path.join(options.out, name)
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        soundfile.write(target, audio.clamp(-1, 1).cpu().numpy(), model["sampleRate"], subtype="PCM_16")


if __name__ == "__main__":
    main()
