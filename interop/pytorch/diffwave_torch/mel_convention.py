"""Conventions of mels, as configs state them. Mirrors src/audio/mel/convention.ts."""

from typing import Any

from .fields import REQUIRED, boolean, choice, fields, kinds, nullable, real, require, several, shown, text, whole
from .limits import MAX_FFT_SIZE, MAX_HOP, MAX_MEL_BANDS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE

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

NORMALISATION = kinds(
    {
        "affine": {
            "scale": (real(), REQUIRED),
            "offset": (real(), REQUIRED),
            "clamp": (nullable(several(real(), 2, 2)), None),
        },
        "standardise": {
            "mean": (several(real(), 1), REQUIRED),
            "deviation": (several(real(above=0), 1), REQUIRED),
        },
    }
)
CONVENTION = fields(
    {
        "name": (text(1), "custom"),
        "sampleRate": (whole(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE), REQUIRED),
        "fftSize": (whole(16, MAX_FFT_SIZE), REQUIRED),
        "windowLength": (whole(16, MAX_FFT_SIZE), REQUIRED),
        "hop": (whole(1, MAX_HOP), REQUIRED),
        "framing": (choice("centre", "edge"), REQUIRED),
        "power": (choice(1, 2), REQUIRED),
        "magnitudeEpsilon": (real(0), 0),
        "windowNormalised": (boolean, False),
        "bands": (whole(1, MAX_MEL_BANDS), REQUIRED),
        "melScale": (choice("htk", "slaney"), REQUIRED),
        "filterNorm": (choice("slaney", "none"), REQUIRED),
        "minFrequency": (real(0), REQUIRED),
        "maxFrequency": (real(above=0), REQUIRED),
        "logarithm": (choice("ln", "log10", "none"), REQUIRED),
        "floor": (real(0), REQUIRED),
        "normalisation": (nullable(NORMALISATION), None),
    }
)


def check_convention(mel: dict[str, Any], where: str) -> None:
    """Checks that the fields of a mel convention go together. @raises ConfigError"""
    size, window = mel["fftSize"], mel["windowLength"]
    require(size & (size - 1) == 0, f"{where}.fftSize", f"{size} must be a power of two")
    require(window <= size, f"{where}.windowLength", f"{window} must be at most fftSize, {size}")
    require(mel["hop"] <= window, f"{where}.hop", f"{mel['hop']} must be at most windowLength, {window}")
    require(mel["minFrequency"] < mel["maxFrequency"], f"{where}.minFrequency", "must lie below maxFrequency")
    half = mel["sampleRate"] / 2
    require(mel["maxFrequency"] <= half, f"{where}.maxFrequency", f"must be at most half the sample rate, {half:g}")
    require(mel["logarithm"] == "none" or mel["floor"] > 0, f"{where}.floor", "must be positive for a logarithm")
    normalisation = mel["normalisation"] or {}
    for key in ("mean", "deviation"):
        fits = len(normalisation.get(key, [0])) in (1, mel["bands"])
        require(fits, f"{where}.normalisation", "mean and deviation need one number, or one per band")


def convention(value: Any, where: str) -> dict[str, Any]:
    """Checks a mel convention: a name, or one that is spelled out."""
    if not isinstance(value, str):
        value = CONVENTION(value, where)
        check_convention(value, where)
        return value
    known = " or ".join(CONVENTIONS)
    require(value in CONVENTIONS, where, f"the convention {value} is not supported here; expected {known}")
    return dict(CONVENTIONS[value])


def check_supported_mel(convention: dict[str, Any], where: str) -> None:
    """@raises ConfigError if a convention is not like those of tacotron2 and Vocos"""
    like = {"framing": "centre", "power": 1, "magnitudeEpsilon": 0, "windowNormalised": False, "logarithm": "ln"}
    for key, value in {**like, "normalisation": None, "windowLength": convention["fftSize"]}.items():
        expected = "null" if value is None else value
        message = f"{shown(convention[key])} is not supported here; expected {expected}"
        require(convention[key] == value, f"{where}.{key}", message)
