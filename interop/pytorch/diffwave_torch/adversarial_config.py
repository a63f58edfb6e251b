"""Checks the settings of the adversarial stage, `adversarial` in a `train.json`, and fills in their defaults."""

from typing import Any

from .config import edge
from .fields import fields, nullable, real, require, several, whole
from .limits import MAX_FFT_SIZE, MAX_REFINEMENT_ITERATIONS

# How many edges of a crop are left out after refinement. Like the correction, it lacks the audio beyond the crop, but
# reaches farther.
REFINED_EDGES = 2

ROUND = fields({"steps": (nullable(whole(1, 16)), None), "refine": (whole(0, MAX_REFINEMENT_ITERATIONS), 0)})
ADVERSARIAL = fields(
    {
        "learningRate": (real(above=0, high=1), 2e-4),
        "discriminatorRate": (real(above=0, high=1), 1e-3),
        "beta1": (real(0, below=1), 0.8),
        "beta2": (real(0, below=1), 0.99),
        # Number of updates at the start that change only the discriminators.
        "alone": (whole(0), 500),
        # What updates make in turn: in how many steps, by default those of `noiseLevels`, and how many iterations of
        # refinement follow.
        "rounds": (several(ROUND, 1), [{}]),
        # How large the two losses' gradients of the audio are, relative to that of training on own steps.
        "adversarialShare": (real(0), 1),
        "featureShare": (real(0), 0.5),
        "windows": (several(whole(16, MAX_FFT_SIZE), 1), [512, 1024, 2048]),
        "resolutionChannels": (whole(1, 1024), 16),
        "periods": (several(whole(1, 1024), 1), [2, 3, 5, 7, 11]),
        "periodChannels": (whole(1, 1024), 8),
    }
)


def adversarial_config(config: dict[str, Any]) -> dict[str, Any]:
    """Reads the settings from a `train.json`. @raises ConfigError if the stage cannot train with it"""
    result = ADVERSARIAL(config["adversarial"] or {}, "adversarial")
    require(config["noiseLevels"]["kind"] == "own", "noiseLevels.kind", "the adversarial stage needs own")
    require(config["data"]["accumulation"] == 1, "data.accumulation", "must be 1 in the adversarial stage")
    crop, edges = config["data"]["cropSamples"], REFINED_EDGES if any(x["refine"] for x in result["rounds"]) else 1
    left, longest = crop - 2 * edges * edge(config), max(result["windows"])
    needs = f"{crop} must be at least {crop - left + longest}, for windows of {longest} between the edges of a crop"
    require(longest <= left, "data.cropSamples", needs)
    return result
