"""Checks what a `config.json` says of a model, and fills in its defaults. Mirrors src/model/config.ts, and with it
network.ts and diffusion-config.ts there."""

import base64
import binascii
import math
from typing import Any

import numpy

from .fields import (
    OPTIONAL,
    REQUIRED,
    anything,
    boolean,
    choice,
    fields,
    joined,
    kinds,
    nullable,
    real,
    require,
    several,
    shown,
    table,
    text,
    whole,
)
from .limits import (
    MAX_CHANNELS,
    MAX_CLIP_SECONDS,
    MAX_CORRECTION_PASSES,
    MAX_DIFFUSION_STEPS,
    MAX_DILATION_CYCLE,
    MAX_FRONT_END_KERNEL,
    MAX_GUIDANCE,
    MAX_HOP,
    MAX_LABELS,
    MAX_LAYERS,
    MAX_MEL_BANDS,
    MAX_PATCH,
    MAX_REFINEMENT_ITERATIONS,
    MAX_SAMPLE_RATE,
    MIN_BETA,
    MIN_SAMPLE_RATE,
)
from .mel_convention import convention
from .mel_filters import corner_frequencies, mel_filters

# Fewer bands do not show harmonics (src/audio/mel/pitch.ts).
MIN_LOW_BANDS = 24

CHANNELS = whole(1, MAX_CHANNELS)
MEL_CONDITIONER = kinds(
    {
        "transposed": {
            "bands": (whole(1, MAX_MEL_BANDS), REQUIRED),
            "strides": (several(whole(1, 512), 1, 6), REQUIRED),
            "sharing": (choice("shared", "per-layer"), "shared"),
        },
        "frame-rate": {
            "bands": (whole(1, MAX_MEL_BANDS), REQUIRED),
            "hop": (whole(1, MAX_HOP), REQUIRED),
            "encoder": (several(CHANNELS, 0, 8), []),
            # Ignored. The first models of this trainer state it.
            "sharing": (choice("shared"), OPTIONAL),
        },
    }
)
ENVELOPE = fields({"iterations": (whole(1, 100), 10), "floor": (real(above=0, high=1), 3e-5)})
CORRECTION = fields(
    {
        "passes": (whole(1, MAX_CORRECTION_PASSES), 1),
        "iterations": (whole(1, 100), 5),
        "relaxation": (real(1, below=2), 1),
    }
)
FRONT_END = kinds(
    {
        "windows": {
            "kernel": (whole(2, MAX_FRONT_END_KERNEL), REQUIRED),
            "stride": (whole(1, MAX_HOP), REQUIRED),
            # By default kernel/2 + 1.
            "bins": (whole(1), OPTIONAL),
            "learned": (boolean, False),
            "envelope": (nullable(ENVELOPE), None),
            "correction": (nullable(CORRECTION), None),
        }
    }
)
NETWORK = fields(
    {
        "channels": (CHANNELS, REQUIRED),
        "layers": (whole(1, MAX_LAYERS), REQUIRED),
        "dilationCycle": (whole(1, MAX_DILATION_CYCLE), REQUIRED),
        "patch": (whole(1, MAX_PATCH), 1),
        "frontEnd": (nullable(FRONT_END), None),
        "inputMask": (nullable(fields({"steps": (whole(1, MAX_DIFFUSION_STEPS), REQUIRED)})), None),
        "stepEmbedding": (
            fields(
                {
                    "frequencies": (choice("powers-of-ten", "inverse"), "powers-of-ten"),
                    "fractional": (choice("interpolated", "direct"), "interpolated"),
                    "size": (whole(4, 1024, multiple=2), 128),
                    "hidden": (whole(1, 4096), 512),
                }
            ),
            {},
        ),
        "gate": (choice("sigmoid-tanh", "tanh-sigmoid"), "sigmoid-tanh"),
        "residual": (choice("before-step", "after-step"), "before-step"),
        "mel": (nullable(MEL_CONDITIONER), None),
        "labels": (nullable(several(text(1), 1, MAX_LABELS)), None),
    }
)

BETA = real(MIN_BETA, below=1)
BETAS = several(BETA, 1, MAX_DIFFUSION_STEPS)
SCHEDULE = kinds(
    {
        "linear": {
            "steps": (whole(1, MAX_DIFFUSION_STEPS), REQUIRED),
            "betaStart": (BETA, REQUIRED),
            "betaEnd": (BETA, REQUIRED),
        },
        "cosine": {
            "steps": (whole(1, MAX_DIFFUSION_STEPS), REQUIRED),
            "offset": (real(0, 1), 0.008),
            "maxBeta": (BETA, 0.999),
        },
        "explicit": {"betas": (BETAS, REQUIRED)},
    }
)
PITCH_NETWORK = fields(
    {
        "kind": (choice("network"), REQUIRED),
        "frames": (whole(0, 8), REQUIRED),
        "reach": (whole(1, 24), REQUIRED),
        "hidden": (whole(1, 64), REQUIRED),
        "weights": (text(), REQUIRED),
    }
)


def pitch(value: Any, where: str) -> Any:
    """Checks how the pitch is found: `mean`, or a network."""
    if not isinstance(value, dict):
        return choice("mean")(value, where)
    network = PITCH_NETWORK(value, where)
    frames, reach, hidden = network["frames"], network["reach"], network["hidden"]
    inputs = (2 * frames + 1) * (2 * reach + 1) + 1
    count = hidden * (inputs + 1) + hidden * (hidden + 1) + hidden + 1
    try:
        weights = numpy.frombuffer(base64.b64decode(network["weights"], validate=True), "<f4")
    except (binascii.Error, ValueError):
        weights = numpy.empty(0)
    require(len(weights) == count, joined(where, "weights"), f"must be base64 of {count} float32 numbers")
    require(numpy.isfinite(weights).all(), joined(where, "weights"), "must be finite")
    return network


HARMONICS = fields(
    {
        "corner": (real(above=0, high=MAX_SAMPLE_RATE), 3000),
        "noise": (real(0, 1), 0.3),
        "phase": (choice("zero", "minimum"), "zero"),
        "pitch": (pitch, "mean"),
    }
)
PRIOR = kinds(
    {
        "mel-energy": {
            "minEnergy": (real(0), REQUIRED),
            "maxEnergy": (real(above=0), REQUIRED),
            "floor": (real(above=0, high=1), 0.1),
        },
        "mel-envelope": {
            "follows": (choice("bands", "formants"), "bands"),
            "floor": (real(above=0, high=1), 1e-5),
        },
        "front-end": {"harmonics": (nullable(HARMONICS), None)},
    }
)
SAMPLER = choice("ddpm", "ddim", "dpm-solver++")
SAMPLING_SCHEDULE = fields(
    {"betas": (BETAS, REQUIRED), "sampler": (SAMPLER, REQUIRED), "noiseScale": (real(0, 1), OPTIONAL)}
)


def sampling_schedule(value: Any, where: str) -> Any:
    """Checks a list of β, or an object with one."""
    return (SAMPLING_SCHEDULE if isinstance(value, dict) else BETAS)(value, where)


DIFFUSION = fields(
    {
        "training": (SCHEDULE, REQUIRED),
        "sampling": (table(sampling_schedule), {}),
        "defaultSteps": (nullable(whole(1, MAX_DIFFUSION_STEPS)), None),
        "prediction": (choice("epsilon", "v", "x0"), "epsilon"),
        "signalScale": (real(above=0, high=100), 1),
        "subbands": (
            nullable(kinds({"mdct": {"gains": (several(real(above=0, high=1e6), 4, MAX_PATCH), REQUIRED)}})),
            None,
        ),
        "clamp": (boolean, True),
        "defaultSampler": (SAMPLER, "ddpm"),
        "noiseScale": (real(0, 1), 1),
        "defaultGuidance": (real(0, MAX_GUIDANCE), 0),
        "prior": (nullable(PRIOR), None),
        "refinement": (
            nullable(
                fields(
                    {
                        "iterations": (whole(0, MAX_REFINEMENT_ITERATIONS), REQUIRED),
                        "momentum": (real(0, below=1), 0.99),
                        "relaxation": (real(1, below=2), 1),
                    }
                )
            ),
            None,
        ),
        "highBand": (
            nullable(
                fields(
                    {
                        "from": (real(0, MAX_SAMPLE_RATE), REQUIRED),
                        "gain": (real(-100, 20), 0),
                        "slope": (real(-100, 0), 0),
                    }
                )
            ),
            None,
        ),
    }
)


MODEL = fields(
    {
        "format": (choice("diffwave"), "diffwave"),
        "version": (choice(1), 1),
        "kind": (choice("vocoder", "generator"), REQUIRED),
        "name": (text(), ""),
        "description": (text(), ""),
        "license": (text(), ""),
        "sampleRate": (whole(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE), REQUIRED),
        "clipSeconds": (nullable(real(above=0, high=MAX_CLIP_SECONDS)), None),
        "network": (lambda value, where: network_config(value, where), REQUIRED),
        "aliases": (table(text()), {}),
        "labelShares": (nullable(several(real(0))), None),
        "mel": (nullable(convention), None),
        "diffusion": (DIFFUSION, REQUIRED),
        "provenance": (table(anything), {}),
    }
)


def mel_hop(mel: dict[str, Any]) -> int:
    """Number of samples per mel frame."""
    return mel["hop"] if mel["kind"] == "frame-rate" else math.prod(mel["strides"])


def schedule_steps(schedule: dict[str, Any]) -> int:
    """Number of steps of a noise schedule."""
    return len(schedule["betas"]) if schedule["kind"] == "explicit" else schedule["steps"]


def network_config(network: Any, where: str = "network") -> dict[str, Any]:
    """Checks a model's `network`, and fills in its defaults. @raises ConfigError"""
    network = NETWORK(network, where)
    mel, front, labels = network["mel"], network["frontEnd"], network["labels"]
    if mel is not None:
        require(mel_hop(mel) % network["patch"] == 0, f"{where}.patch", f"must divide the hop, {mel_hop(mel)}")
        require(mel_hop(mel) <= MAX_HOP, f"{where}.mel", f"hop must be at most {MAX_HOP}")
    if front is not None:
        check_front_end(front, mel, f"{where}.frontEnd")
        front.setdefault("bins", front["kernel"] // 2 + 1)
        require(network["patch"] == 1, f"{where}.patch", "must be 1 beside a front end")
    require(labels is None or len(set(labels)) == len(labels), f"{where}.labels", "must differ from one another")
    return network


def check_front_end(front: dict[str, Any], mel: dict[str, Any] | None, where: str) -> None:
    """Checks a front end. @raises ConfigError that names the wrong field"""
    kernel, stride, bins = front["kernel"], front["stride"], front.get("bins", 1)
    require(kernel >= stride, f"{where}.kernel", f"{kernel} must be at least the stride, {stride}")
    fits = kernel % 2 == 0 and kernel % stride == 0 and (kernel - stride) % 2 == 0
    needs = f"{kernel} must be even, a multiple of the stride, {stride}, and differ from it by an even number"
    require(fits, f"{where}.kernel", needs)
    require(bins <= kernel // 2 + 1, f"{where}.bins", f"{bins} must lie within 1 … {kernel // 2 + 1}")
    has_envelope = front["envelope"] is not None
    require(not (has_envelope and front["learned"]), f"{where}.envelope", "needs windows that are not learned")
    require(has_envelope or front["correction"] is None, f"{where}.correction", f"needs {where}.envelope")
    if mel is not None:
        require(mel_hop(mel) % stride == 0, f"{where}.stride", f"{stride} must divide the hop, {mel_hop(mel)}")
    is_framewise = mel is not None and mel["kind"] == "frame-rate"
    require(not has_envelope or is_framewise, f"{where}.envelope", "needs a mel conditioner of kind frame-rate")


def model_config(model: Any, where: str = "") -> dict[str, Any]:
    """Checks a model's config, and fills in its defaults. @raises ConfigError"""
    model = MODEL(model, where)
    at = lambda field: joined(where, field)
    mel, network, diffusion = model["mel"], model["network"], model["diffusion"]
    is_vocoder, labels, mask = model["kind"] == "vocoder", network["labels"], network["inputMask"]
    has_mel = network["mel"] is not None
    require(is_vocoder == has_mel, at("network.mel"), "a vocoder needs a mel conditioner, a generator has none")
    require(has_mel == (mel is not None), at("mel"), "a mel convention and a mel conditioner come together")
    if mel is not None:
        rate, conditioner = model["sampleRate"], network["mel"]
        require(mel["sampleRate"] == rate, at("mel.sampleRate"), f"{mel['sampleRate']} must equal sampleRate, {rate}")
        require(mel["bands"] == conditioner["bands"], at("network.mel.bands"), "must equal the convention's bands")
        require(mel["hop"] == mel_hop(conditioner), at("network.mel"), "its hop must equal the convention's")
    for label in model["aliases"].values():
        require(label in (labels or []), at("aliases"), "must stand for labels of the network")
    steps = schedule_steps(diffusion["training"])
    fits = mask is None or mask["steps"] == steps
    require(fits, at("network.inputMask.steps"), f"must equal the training schedule's, {steps}")
    shares = model["labelShares"]
    as_many = shares is None or len(shares) == len(labels or [])
    require(as_many, at("labelShares"), "must be as many as the network's labels")
    require(shares is None or any(shares), at("labelShares"), "must not all be 0")
    check_diffusion(model, where)
    return model


def low_bands(mel: dict[str, Any]) -> int:
    """Number of bands that peak at 1,600 Hz or below."""
    return int((mel_filters(mel).argmax(1) * mel["sampleRate"] <= 1600 * mel["fftSize"]).sum())


def check_diffusion(model: dict[str, Any], where: str) -> None:
    """Checks that a model's `diffusion` goes with its network and its mel. @raises ConfigError"""
    at = lambda field: joined(where, field)
    mel, network, diffusion = model["mel"], model["network"], model["diffusion"]
    front, prior = network["frontEnd"], diffusion["prior"] or {"kind": None}
    scale, is_plain = diffusion["signalScale"], diffusion["signalScale"] == 1
    require(is_plain or not diffusion["clamp"], at("diffusion.clamp"), f"must be false with a signalScale of {scale:g}")
    envelope, correction = (front[key] if front else None for key in ("envelope", "correction"))
    if envelope is not None:
        fits = mel["framing"] == "centre" and mel["windowLength"] == mel["fftSize"]
        needs = "needs centred mel frames, and windowLength = fftSize, a multiple of the kernel"
        require(fits and mel["fftSize"] % front["kernel"] == 0, at("network.frontEnd.envelope"), needs)
        needs = "needs signalScale 1 and no mel-envelope prior"
        require(is_plain and prior["kind"] != "mel-envelope", at("network.frontEnd.envelope"), needs)
    # As phase refinement needs them, too.
    is_dense = mel is None or (2 * mel["windowLength"] >= 5 * mel["hop"] and mel["fftSize"] <= 32 * mel["hop"])
    if correction is not None:
        fits = is_dense and mel["power"] == 1
        needs = "needs a mel of magnitudes with windows of at least two and a half hops"
        require(fits, at("network.frontEnd.correction"), needs)
        needs = "needs a network that predicts x0"
        require(diffusion["prediction"] == "x0", at("network.frontEnd.correction"), needs)
    needs = "a front-end prior needs network.frontEnd.envelope"
    require(prior["kind"] != "front-end" or envelope is not None, at("diffusion.prior"), needs)
    if prior.get("harmonics") is not None:
        has_pitch = is_dense and mel["power"] == 1 and low_bands(mel) >= MIN_LOW_BANDS
        needs = f"need a mel of magnitudes with centred frames and {MIN_LOW_BANDS} bands below 1,600 Hz"
        require(has_pitch, at("diffusion.prior.harmonics"), needs)
    require(prior["kind"] is None or mel is not None, at("diffusion.prior"), "a prior needs a mel")
    if prior["kind"] == "mel-energy":
        below = prior["minEnergy"] < prior["maxEnergy"]
        require(below, at("diffusion.prior.minEnergy"), "must lie below maxEnergy")
    refines = diffusion["refinement"] is not None
    require(not refines or mel is not None, at("diffusion.refinement"), "refinement needs a mel")
    needs = "refinement needs windows of 2.5 hops or more, and transforms of at most 32"
    require(not refines or is_dense, at("diffusion.refinement"), needs)
    high_band = diffusion["highBand"]
    require(high_band is None or mel is not None, at("diffusion.highBand"), "a high band needs a mel")
    if high_band is not None:
        has_room = mel["maxFrequency"] < mel["sampleRate"] / 2
        needs = "needs a mel that ends below half the sample rate"
        require(has_room, at("diffusion.highBand"), needs)
        is_above = corner_frequencies(mel)[1:-1] >= high_band["from"]
        has_level = bool((is_above & (mel_filters(mel).sum(1) > 0)).any())
        require(has_level, at("diffusion.highBand"), "needs at least one band of the mel above `from`")


def check_supported_prior(model: dict[str, Any], where: str) -> None:
    """@raises ConfigError if a model has another prior than the one that this package computes (prior.py)"""
    prior = model["diffusion"]["prior"]
    is_supported = prior is not None and prior["kind"] == "front-end"
    message = f"{shown(prior)} is not supported here; expected the kind front-end"
    require(is_supported, joined(where, "diffusion.prior"), message)
