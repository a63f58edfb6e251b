"""The polarity of recordings. Mirrors src/training/data/polarity.ts."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from .dataset import Dataset
from .prior import Prior

# Number of recordings per folder that are compared with pulses, and number of samples of each.
CLIPS_PER_FOLDER, SAMPLES_PER_CLIP = 16, 65536


def is_inverted(prior: Prior, clips: Iterable[Tensor]) -> bool:
    """Whether clips, tensors [T], fit pulses better if they are inverted, by the sum of their agreements."""
    difference, hop, context = 0.0, prior.mel.hop, prior.context
    for whole in clips:
        length = min(len(whole), SAMPLES_PER_CLIP) // hop * hop
        if length <= context:
            continue
        padded = F.pad(whole[None, :length], (context, context), mode="reflect")
        audio, mel, deviations = prior.conditioned(padded)
        pitch = prior.pitch_of(mel)
        difference += prior.align_pulses(audio, pitch, deviations)[1][0]
        difference -= prior.align_pulses(-audio, pitch, deviations)[1][0]
    return difference < 0


@torch.no_grad()
def normalise_polarity(dataset: Dataset, prior: Prior) -> list[str]:
    """Gives all recordings positive pulses, in place. The recordings of a folder are inverted if they then fit pulses
    better. Returns the folders that were inverted.

    @param prior: on the CPU
    """
    training, inverted = dataset.training, []
    for folder in dict.fromkeys(training.folders):
        indices = [i for i, other in enumerate(training.folders) if other == folder]
        looked_at = indices[:: max(1, len(indices) // CLIPS_PER_FOLDER)][:CLIPS_PER_FOLDER]
        if is_inverted(prior, (training.clip(i) for i in looked_at)):
            inverted.append(folder)
    for clips in (training, dataset.validation):
        for i, folder in enumerate(clips.folders):
            if folder in inverted:
                clips.negate(i)
    return inverted
