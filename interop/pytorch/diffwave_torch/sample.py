"""Mels to audio: python -m diffwave_torch.sample MODEL MEL.npy... -o OUT [--steps 4]

OUT is a WAV file, or a folder if there are several mels. A mel file is [bands, frames], float32. To compare with the
Node package, use its own `diffwave synthesize`; this is for looking at a run before it is finished. It leaves out phase
refinement and the high band.
"""

import argparse
import os
import sys

import numpy
import soundfile
import torch
from torch import Tensor

from .diffusion import Schedule, sampling_levels, synthesize
from .errors import InputError, one_line
from .model_config import CORRECTION
from .model_folder import read_model
from .network import Network
from .option_types import real, whole
from .prior import Prior
from .processes import device_of


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="diffwave_torch.sample", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", help="model folder")
    parser.add_argument("mels", nargs="+", help=".npy files, [bands, frames]")
    parser.add_argument("-o", "--out", required=True, help="WAV file or folder")
    parser.add_argument("--steps", type=whole(1), default=4, help="denoising steps (default: 4)")
    parser.add_argument("--levels", type=real(0), nargs="+", help="training steps to visit instead, noisiest first")
    parser.add_argument("--passes", type=whole(0), help="passes of the correction, 0 for none (default: the model's)")
    parser.add_argument("--noise-scale", type=real(0, 1), help="share of noise to keep (default: the model's)")
    parser.add_argument("--seed", type=whole(0), default=0, help="of the noise (default: 0)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument(
        "--zero-last", action="store_true", help="zero the last layer: what is there without the network"
    )
    return parser.parse_args()


def read_mel(path: str, bands: int) -> Tensor:
    """Reads a mel [bands, frames] from a .npy file, as float32. @raises InputError, OSError"""
    try:
        mel = torch.from_numpy(numpy.load(path)).float()
    except (ValueError, TypeError, EOFError):
        raise InputError(f"{path}: this is not a .npy file of numbers") from None
    if mel.dim() != 2 or mel.shape[0] != bands or not mel.shape[1]:
        raise InputError(f"{path}: expected [{bands}, frames], got {list(mel.shape)}")
    if not torch.isfinite(mel).all():
        raise InputError(f"{path}: the mel holds a number that is not finite")
    return mel


def set_passes(network: Network, passes: int) -> None:
    """Changes the number of passes of the correction."""
    correction = CORRECTION(network.correction or {}, "correction")
    network.correction = {**correction, "passes": passes} if passes else None


def write_audio(path: str, audio: numpy.ndarray, rate: int) -> None:
    """Writes a WAV file, and makes its folder. @raises InputError, OSError"""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    try:
        soundfile.write(path, audio, rate, subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: {error.error_string}") from None


def sample(options: argparse.Namespace) -> None:
    """Does what the options say. @raises InputError, OSError"""
    is_single = options.out.lower().endswith(".wav")
    if is_single and len(options.mels) > 1:
        raise InputError(f"{options.out}: expected a folder for {len(options.mels)} mels")
    device = device_of(options.device)
    network, model = read_model(options.model)
    network.to(device)
    prior = Prior(model).to(device)
    if options.zero_last:
        for parameter in network.output_projection.parameters():
            torch.nn.init.zeros_(parameter)
    if options.passes is not None:
        set_passes(network, options.passes)
    schedule = Schedule(model["diffusion"]["training"], device)
    levels, noise_scale = sampling_levels(model["diffusion"], schedule, options.steps)
    if options.noise_scale is not None:
        noise_scale = options.noise_scale
    for path in options.mels:
        mel = read_mel(path, model["mel"]["bands"]).to(device)
        generator = torch.Generator(device).manual_seed(options.seed)
        audio = synthesize(network, prior, schedule, mel[None], options.levels or levels, generator, noise_scale)[0]
        name = os.path.splitext(os.path.basename(path))[0] + ".wav"
        out = options.out if is_single else os.path.join(options.out, name)
        write_audio(out, audio.clamp(-1, 1).cpu().numpy(), model["sampleRate"])


def main() -> None:
    try:
        sample(arguments())
    except (InputError, OSError) as error:
        sys.exit(one_line(error))


if __name__ == "__main__":
    main()
