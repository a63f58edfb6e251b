"""Which way up recordings are. Mirrors src/training/data/polarity.ts."""

import torch

# Recordings per folder that are looked at, and samples of each.
CLIPS_PER_FOLDER, SAMPLES_PER_CLIP = 16, 65536


def is_inverted(network, clips):
    """Whether most of a folder's clips, tensors [T], are upside down, by the sum of their agreements."""
    difference, hop = 0, network.mel.hop
    for whole in clips[:: max(1, len(clips) // CLIPS_PER_FOLDER)][:CLIPS_PER_FOLDER]:
        length = min(len(whole), SAMPLES_PER_CLIP) // hop * hop
        if length <= network.mel.size // 2:
            continue
        audio, half = whole[None, :length], network.mel.size // 2
        mel = network.mel(torch.nn.functional.pad(audio, (half, half), mode="reflect"))
        pitch, deviations = network.pitch.track(mel.cpu().numpy()), network.deviations(mel, length)
        difference += network.align_pulses(audio, pitch, deviations)[1][0]
        difference -= network.align_pulses(-audio, pitch, deviations)[1][0]
    return difference < 0


@torch.no_grad()
def turn_upright(dataset, network, context):
    """Turns the recordings of folders upside down whose pulses fit better so, in place; returns the folders."""
    training, inverted = dataset.training, []
    for folder in dict.fromkeys(training.folders):
        indices = [i for i, other in enumerate(training.folders) if other == folder]
        if is_inverted(network, [training.clip(i, context) for i in indices]):
            inverted.append(folder)
    for recordings in (training, dataset.validation):
        for i, folder in enumerate(recordings.folders):
            if folder in inverted:
                recordings.negate(i, context)
    return inverted
