"""Reads and checks the trainer's `train.json`, and fills in its defaults. Mirrors src/training/config.ts and
src/model/network.ts."""
import copy
import json

TACOTRON2 = {
    "name": "tacotron2",
    "sampleRate": 22050,
    "fftSize": 1024,
    "windowLength": 1024,
    "hop": 256,
    "framing": "centre",
    "power": 1,
    "magnitudeEpsilon": 0,
    "windowNormalised": False,
    "bands": 80,
    "melScale": "slaney",
    "filterNorm": "slaney",
    "minFrequency": 0,
    "maxFrequency": 8000,
    "logarithm": "ln",
    "floor": 1e-5,
    "normalisation": None,
}
# gemelo-ai/vocos, MelSpectrogramFeatures: torchaudio's defaults but for magnitudes, ln and a lower floor.
VOCOS = {
    **TACOTRON2,
    "name": "vocos",
    "sampleRate": 24000,
    "bands": 100,
    "melScale": "htk",
    "filterNorm": "none",
    "maxFrequency": 12000,
    "floor": 1e-7,
}
CONVENTIONS = {"tacotron2": TACOTRON2, "vocos": VOCOS}

NETWORK = {
    "patch": 1,
    "frontEnd": None,
    "inputMask": None,
    "gate": "sigmoid-tanh",
    "residual": "before-step",
    "mel": None,
    "labels": None,
}
STEP_EMBEDDING = {"frequencies": "powers-of-ten", "fractional": "interpolated", "size": 128, "hidden": 512}
FRONT_END = {"learned": False, "envelope": None, "correction": None}
ENVELOPE = {"iterations": 10, "floor": 3e-5}
CORRECTION = {"passes": 1, "iterations": 5}
HARMONICS = {"corner": 3000, "noise": 0.3, "phase": "zero", "pitch": "mean"}

TRAINING = {
    "data": {
        "cropSamples": 8192,
        "batch": 8,
        "accumulation": 1,
        "gain": [0, 0],
        "speeds": [1],
        "validationShare": 0.03,
    },
    "optimiser": {
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "learningRate": 2e-4,
        "warmupSteps": 0,
        "decaySteps": None,
        "finalFactor": 0,
        "clipNorm": 1,
        "averageDecay": 0.999,
    },
    "loss": "time-frequency",
    "spectral": None,
    "weighting": {"kind": "none"},
    "noiseLevels": {"kind": "continuous"},
    "pulses": "free",
    "every": {"log": 50, "validation": 1000, "checkpoint": 500},
    "seed": 0,
}


class ConfigError(ValueError):
    """Error in a config. Its message is one line."""


def filled(defaults, given):
    """Fills in the defaults of all fields that `given` leaves out, in nested objects as well."""
    result = copy.deepcopy(defaults)
    for key, value in given.items():
        nested = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = filled(result[key], value) if nested else value
    return result


def network_config(network):
    """Fills in all defaults of a model's `network`. @raises ConfigError"""
    network = filled(NETWORK, network)
    network["stepEmbedding"] = filled(STEP_EMBEDDING, network.get("stepEmbedding", {}))
    if network["mel"] is not None:
        own = {"sharing": "shared"} if network["mel"]["kind"] == "transposed" else {"encoder": []}
        network["mel"] = filled(own, network["mel"])
    front = network["frontEnd"]
    if front is not None:
        front = filled(FRONT_END, front)
        front.setdefault("bins", front["kernel"] // 2 + 1)
        if front["envelope"] is not None:
            front["envelope"] = filled(ENVELOPE, front["envelope"])
        if front["correction"] is not None:
            front["correction"] = filled(CORRECTION, front["correction"])
        network["frontEnd"] = front
        check_front_end(front, network)
    return network


def check_front_end(front, network):
    """Checks a front end. @raises ConfigError that names the wrong field"""
    kernel, stride, bins = front["kernel"], front["stride"], front["bins"]
    hop = network["mel"]["hop"] if network["mel"] else None
    where = "network.frontEnd"
    if kernel < stride:
        raise ConfigError(f"{where}.kernel: {kernel} must be at least the stride, {stride}")
    if kernel % 2 or kernel % stride or (kernel - stride) % 2:
        raise ConfigError(f"{where}.kernel: {kernel} must be even and a multiple of the stride, {stride}")
    if not 1 <= bins <= kernel // 2 + 1:
        raise ConfigError(f"{where}.bins: {bins} must lie within 1 … {kernel // 2 + 1}")
    if hop is not None and hop % stride:
        raise ConfigError(f"{where}.stride: {stride} must divide the hop, {hop}")
    if front["envelope"] is not None and (hop is None or front["learned"]):
        raise ConfigError(f"{where}.envelope: needs a mel and windows that are not learned")
    if front["envelope"] is not None and network["mel"]["kind"] != "frame-rate":
        raise ConfigError(f"{where}.envelope: needs a mel conditioner of kind frame-rate")
    correction = front["correction"]
    if correction is not None:
        if front["envelope"] is None:
            raise ConfigError(f"{where}.correction: needs {where}.envelope")
        for key, most in (("passes", 8), ("iterations", 100)):
            if not isinstance(correction[key], int) or not 1 <= correction[key] <= most:
                raise ConfigError(f"{where}.correction.{key}: {correction[key]} must be a whole number, 1 … {most}")
    if network["patch"] != 1:
        raise ConfigError("network.patch: must be 1 behind a windowed front end")


def model_config(model):
    """Fills in all defaults of a model that the network and the losses need. @raises ConfigError"""
    model = copy.deepcopy(model)
    if isinstance(model.get("mel"), str):
        if model["mel"] not in CONVENTIONS:
            known = " or ".join(CONVENTIONS)
            raise ConfigError(f"model.mel: the convention {model['mel']} is not supported here; expected {known}")
        model["mel"] = dict(CONVENTIONS[model["mel"]])
    model["network"] = network_config(model["network"])
    return model


def check_levels(levels, spectral):
    """Checks the noise levels, and fills in the weights of own steps. @raises ConfigError if this trainer cannot train
    on them"""
    if levels["kind"] not in ("continuous", "own"):
        raise ConfigError(f"noiseLevels.kind: {levels['kind']} is not supported here; expected continuous or own")
    if levels["kind"] == "continuous":
        return
    steps = levels.setdefault("steps", 4)
    if not isinstance(steps, int) or not 1 <= steps <= 16:
        raise ConfigError(f"noiseLevels.steps: {steps} must be a whole number, 1 … 16")
    if len(levels.setdefault("weights", [1] * steps)) != steps:
        raise ConfigError(f"noiseLevels.weights: expected {steps} numbers, one per step, got {len(levels['weights'])}")
    if spectral is None:
        raise ConfigError("spectral: missing; own steps have no other loss")


def check_pulses(pulses, model):
    """Checks the pulses. @raises ConfigError if a model cannot be trained from them"""
    phase = (model["diffusion"]["prior"].get("harmonics") or HARMONICS).get("phase", "zero")
    if phase not in ("zero", "minimum"):
        raise ConfigError(f"model.diffusion.prior.harmonics.phase: {phase} is unknown; expected zero or minimum")
    if pulses not in ("free", "recorded", "mixed"):
        raise ConfigError(f"pulses: {pulses} is not supported here; expected free, recorded or mixed")
    if pulses != "free" and model["diffusion"]["prior"].get("harmonics") is None:
        raise ConfigError(f"pulses: {pulses} needs model.diffusion.prior.harmonics")


def training_config(path):
    """Reads `train.json`. @raises ConfigError"""
    try:
        with open(path, encoding="utf8") as file:
            given = json.load(file)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: this is not JSON: {error}") from None
    if "totalSteps" not in given.get("optimiser", {}):
        raise ConfigError("optimiser.totalSteps: missing")
    known = {*TRAINING, "model", "engine", "adversarial"}
    unknown = [key for key in given if key not in known]
    if unknown:
        raise ConfigError(f"{unknown[0]}: unknown field")
    config = filled(TRAINING, given)
    config["model"] = model_config(given["model"])
    model, data = config["model"], config["data"]
    if model["mel"] is None or model["diffusion"]["prediction"] != "x0" or config["loss"] != "time-frequency":
        raise ConfigError('this trainer is for vocoders that predict x0 with the loss "time-frequency"')
    if (model["diffusion"].get("prior") or {}).get("kind") != "front-end":
        raise ConfigError('model.diffusion.prior: must be {"kind": "front-end"}')
    if model["network"]["frontEnd"] is None or model["network"]["frontEnd"]["envelope"] is None:
        raise ConfigError("model.network.frontEnd.envelope: missing")
    check_levels(config["noiseLevels"], config["spectral"])
    check_pulses(config["pulses"], model)
    if data["cropSamples"] % model["mel"]["hop"]:
        raise ConfigError(
            f"data.cropSamples: {data['cropSamples']} must be a multiple of the hop, {model['mel']['hop']}"
        )
    return config
