"""The polarity of recordings. Mirrors src/training/data/polarity.ts."""

import torch

from .network import Network

# Number of recordings per folder that are compared with pulses, and number of samples of each.
CLIPS_PER_FOLDER, SAMPLES_PER_CLIP = 16, 65536


def is_inverted(network, clips):
    """Whether clips, tensors [T], fit pulses better if they are inverted, by the sum of their agreements."""
    difference, hop, context = 0, network.mel.hop, network.context
    for whole in clips:
        length = min(len(whole), SAMPLES_PER_CLIP) // hop * hop
        if length <= context:
            continue
        padded = torch.nn.functional.pad(whole[None, :length], (context, context), mode="reflect")
        audio, mel, deviations = network.conditioned(padded)
        pitch = network.pitch_of(mel)
        difference += network.align_pulses(audio, pitch, deviations)[1][0]
        difference -= network.align_pulses(-audio, pitch, deviations)[1][0]
    return difference < 0


@torch.no_grad()
def normalise_polarity(dataset, config, context):
    """Gives all recordings positive pulses, in place. The recordings of a folder are inverted if they then fit pulses
    better. Returns the folders that were inverted."""
    training, inverted = dataset.training, []
    network = Network.of_model(config["model"])
    for folder in dict.fromkeys(training.folders):
        indices = [i for i, other in enumerate(training.folders) if other == folder]
        looked_at = indices[:: max(1, len(indices) // CLIPS_PER_FOLDER)][:CLIPS_PER_FOLDER]
        if is_inverted(network, [training.clip(i, context) for i in looked_at]):
            inverted.append(folder)
    for recordings in (training, dataset.validation):
        for i, folder in enumerate(recordings.folders):
            if folder in inverted:
                recordings.negate(i, context)
    return inverted
