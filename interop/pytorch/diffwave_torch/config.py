"""Reads and checks the trainer's `train.json`, and fills in its defaults. Mirrors src/training/config.ts."""

from typing import Any

from .fields import (
    OPTIONAL,
    REQUIRED,
    anything,
    choice,
    fields,
    kinds,
    nullable,
    read_json,
    real,
    require,
    several,
    shown,
    table,
    whole,
)
from .limits import MAX_FFT_SIZE
from .mel_convention import check_supported_mel
from .model_config import check_supported_prior, model_config

MAX_BATCH = 1024
GAIN = several(real(-60, 40), 2, 2)
# The names of the engines of `diffwave train`, which this trainer ignores.
BACKENDS = [f"tensorflow:{name}" for name in ("cuda", "node", "wasm", "cpu")]
ENGINES = choice("auto", "native", "wasm", "tensorflow", *BACKENDS)

TRAINING = fields(
    {
        "model": (model_config, REQUIRED),
        "data": (
            fields(
                {
                    "cropSamples": (whole(16, 4_194_304), 8192),
                    "batch": (whole(1, MAX_BATCH), 8),
                    "accumulation": (whole(1, 1024), 1),
                    "gain": (GAIN, [0, 0]),
                    "speeds": (several(real(0.5, 2), 1, 16), [1]),
                    "leadIn": (real(0, 10), 0),
                    "validationShare": (real(0, 0.5), 0.03),
                    "labelDropout": (real(0, below=1), 0.1),
                }
            ),
            {},
        ),
        "optimiser": (
            fields(
                {
                    "beta1": (real(0, below=1), 0.9),
                    "beta2": (real(0, below=1), 0.999),
                    "epsilon": (real(above=0), 1e-8),
                    "learningRate": (real(above=0, high=1), 2e-4),
                    "warmupSteps": (whole(0), 0),
                    "totalSteps": (whole(1), REQUIRED),
                    "decaySteps": (nullable(whole(1)), None),
                    "finalFactor": (real(0, 1), 0),
                    "clipNorm": (nullable(real(above=0)), 1),
                    "averageDecay": (real(0, below=1), 0.999),
                }
            ),
            REQUIRED,
        ),
        "loss": (choice("l1", "l2", "time-frequency"), "l1"),
        "spectral": (
            nullable(
                fields(
                    {
                        "weight": (real(above=0), 1),
                        "windows": (several(whole(16, MAX_FFT_SIZE), 1, 8), [512, 1024, 2048]),
                    }
                )
            ),
            None,
        ),
        "emphasis": (real(0, 1), 0),
        "noiseLevels": (
            kinds(
                {
                    "discrete": {},
                    "continuous": {},
                    "own": {"steps": (whole(1, 16), 4), "weights": (several(real(0), 1, 16), OPTIONAL)},
                    "focused": {"share": (real(above=0, below=1), 0.5), "jitter": (real(0, 1000), 2)},
                }
            ),
            {"kind": "discrete"},
        ),
        "pulses": (choice("free", "recorded", "mixed"), "free"),
        "weighting": (
            kinds(
                {
                    "none": {},
                    "min-snr": {"gamma": (real(above=0), REQUIRED)},
                    "truncated-v": {"most": (real(1), REQUIRED)},
                }
            ),
            {"kind": "none"},
        ),
        "prior": (nullable(kinds({"mel-energy": {"floor": (real(above=0, high=1), 0.1)}})), None),
        "subbands": (
            nullable(kinds({"mdct": {"equalisation": (real(0, 1), 0.5), "deviation": (real(above=0, high=10), 0.5)}})),
            None,
        ),
        "labelShares": (nullable(choice("measured")), None),
        # The adversarial stage checks it.
        "adversarial": (nullable(table(anything)), None),
        "every": (fields({"log": (whole(1), 50), "validation": (whole(1), 1000), "checkpoint": (whole(1), 500)}), {}),
        "seed": (whole(0), 0),
        "engine": (ENGINES, "auto"),
    }
)

# What this trainer cannot do, by the path of the field: the values that it can.
SUPPORTED: dict[str, list[Any]] = {
    "model.kind": ["vocoder"],
    "model.network.labels": [None],
    "model.diffusion.prediction": ["x0"],
    "model.diffusion.training.kind": ["cosine"],
    "loss": ["time-frequency"],
    "emphasis": [0],
    "noiseLevels.kind": ["continuous", "own"],
    "prior": [None],
    "subbands": [None],
    "labelShares": [None],
}


def check_supported(config: dict[str, Any]) -> None:
    """@raises ConfigError if `diffwave train` can train with a config, but this trainer cannot"""
    for path, values in SUPPORTED.items():
        value = config
        for key in path.split("."):
            value = value[key]
        expected = " or ".join("null" if one is None else str(one) for one in values)
        require(value in values, path, f"{shown(value)} is not supported here; expected {expected}")
    check_supported_mel(config["model"]["mel"], "model.mel")
    check_supported_prior(config["model"], "model")


def edge(config: dict[str, Any]) -> int:
    """Number of samples at either end of a crop that do not count, because the correction's windows lack the audio
    beyond them."""
    has_correction = config["model"]["network"]["frontEnd"]["correction"] is not None
    return config["model"]["mel"]["windowLength"] // 2 if has_correction else 0


def check_rules(config: dict[str, Any]) -> None:
    """Checks that the fields of a config go together. @raises ConfigError"""
    model, data, optimiser, spectral = (config[key] for key in ("model", "data", "optimiser", "spectral"))
    require(data["gain"][0] <= data["gain"][1], "data.gain", "must ascend")
    warmup, total, decay = (optimiser[key] for key in ("warmupSteps", "totalSteps", "decaySteps"))
    fits = decay is None or warmup + decay <= total
    require(fits, "optimiser.decaySteps", f"{decay} must be at most totalSteps − warmupSteps, {total - warmup}")
    require(warmup <= total, "optimiser.warmupSteps", f"{warmup} must be at most totalSteps, {total}")
    crop, mel = data["cropSamples"], model["mel"]
    require(crop % mel["hop"] == 0, "data.cropSamples", f"{crop} must be a multiple of the hop, {mel['hop']}")
    least = 1024 + 2 * edge(config)
    require(crop >= least, "data.cropSamples", f"{crop} must be at least {least} for this loss and network")
    require(data["leadIn"] == 0, "data.leadIn", "is only for generators")
    levels = config["noiseLevels"]
    if levels["kind"] == "own":
        require(spectral is not None, "noiseLevels.kind", "own needs a spectral loss")
        steps, weights = levels["steps"], levels.setdefault("weights", [1] * levels["steps"])
        said = f"expected {steps} numbers, one per step, got {len(weights)}"
        require(len(weights) == steps, "noiseLevels.weights", said)
    if spectral is not None:
        powers = all(size & (size - 1) == 0 for size in spectral["windows"])
        require(powers, "spectral.windows", "must be powers of two")
        require(max(spectral["windows"]) <= crop, "spectral.windows", f"must be at most data.cropSamples, {crop}")
    has_pulses = config["pulses"] == "free" or model["diffusion"]["prior"]["harmonics"] is not None
    require(has_pulses, "pulses", f"{config['pulses']} needs model.diffusion.prior.harmonics")


def checked_config(given: Any) -> dict[str, Any]:
    """Checks what a `train.json` says, and fills in its defaults. @raises ConfigError"""
    config = TRAINING(given, "")
    check_supported(config)
    check_rules(config)
    return config


def training_config(path: str) -> dict[str, Any]:
    """Reads `train.json`, with all defaults. @raises ConfigError, OSError"""
    return checked_config(read_json(path))
