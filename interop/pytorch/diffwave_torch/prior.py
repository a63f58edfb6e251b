"""What a mel implies for a network with windows: its envelope, and the noise and pulses that denoising starts from.
Mirrors src/data-domain/front-end-prior.ts.

Shapes: B clips, T samples, S stride, P = T/S positions, N bins, M mel bands, F mel frames.
"""

from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor

from .alignment import align, minimum_phase
from .excitation import excite, per_sample, pulse_share
from .frames import at_positions, smooth_bins
from .front_end import Windows
from .mel import MelTransform
from .pitch import PitchTracker

# Mean square of a periodic Hann window.
HANN_POWER = 0.375


class Excitation(NamedTuple):
    """Pulses [B, T], the gain of white noise beside them [B, T], and the voicing at each position's middle [B, P]."""

    pulses: Tensor
    breath: Tensor
    voicing: Tensor

    def to(self, device: torch.device) -> "Excitation":
        return Excitation(*(part.to(device) for part in self))


class Conditioned(NamedTuple):
    """Crops x_0 [B, T], their log-mels [B, M, F] and the mels' envelopes [B, N, P]."""

    clean: Tensor
    mel: Tensor
    deviations: Tensor


def turned(encoded: Tensor, angles: Tensor) -> Tensor:
    """Moves the phases of coefficients [B, 2N, P] by angles [B, N, P]."""
    cosines, sines = encoded.chunk(2, 1)
    return torch.cat([cosines * angles.cos() + sines * angles.sin(), sines * angles.cos() - cosines * angles.sin()], 1)


class Prior(torch.nn.Module):
    """The prior of the kind `front-end`. It has no parameters."""

    pulse_shares: Tensor

    def __init__(self, model: dict[str, Any]):
        """@param model: a model's config, with all defaults, whose front end has an envelope"""
        super().__init__()
        front = model["network"]["frontEnd"]
        self.front_end = Windows(front["kernel"], front["stride"], front["bins"])
        self.mel = MelTransform(model["mel"])
        self.envelope = front["envelope"]
        self.stride, self.rate = front["stride"], model["sampleRate"]
        self.harmonics: dict[str, Any] | None = (model["diffusion"]["prior"] or {}).get("harmonics")
        self.has_minimum_phase = self.harmonics is not None and self.harmonics["phase"] == "minimum"
        if self.harmonics is not None:
            self.pitch = PitchTracker(self.mel.filters, self.rate, self.mel.size, self.harmonics["pitch"])
            hertz = torch.arange(front["bins"]) * (self.rate / front["kernel"])
            share = pulse_share(hertz, self.harmonics["corner"], self.harmonics["noise"])
            self.register_buffer("pulse_shares", share, persistent=False)

    @property
    def context(self) -> int:
        """Number of samples before and after a crop that its mel depends on."""
        return self.mel.size // 2

    def conditioned(self, audio: Tensor) -> Conditioned:
        """Takes the context off crops [B, T + 2·context], and computes their mels and envelopes."""
        clean = audio[:, self.context : audio.shape[1] - self.context]
        mel = self.mel(audio)
        return Conditioned(clean, mel, self.deviations(mel, clean.shape[1]))

    def deviations(self, mel: Tensor, samples: int) -> Tensor:
        """Computes the envelope of a log-mel [B, M, F]: the deviation of the noise in each bin [B, N, P]."""
        front = self.front_end
        # A Hann window of L samples sees white noise of deviation 1 as magnitudes of mean square 3L/8.
        magnitudes = self.mel.magnitudes(mel, self.envelope["iterations"])
        power = magnitudes.square() / (HANN_POWER * self.mel.size)
        power = smooth_bins(power, self.mel.size // front.kernel)[:, : front.bins]
        power = at_positions(power, self.mel.hop, self.stride, samples // self.stride, offset=self.stride / 2)
        return power.sqrt().clamp(min=self.envelope["floor"])

    def pitch_of(self, mel: Tensor) -> numpy.ndarray:
        """Finds f0 in Hz [B, F], 0 without pitch, of a log-mel [B, M, F]. The prior must have harmonics."""
        return self.pitch.track(mel.cpu().numpy())

    def excitation(self, pitch: numpy.ndarray, samples: int, later: numpy.ndarray | None = None) -> Excitation:
        """Makes the pulses and breath that voiced speech starts from, on the CPU, from f0 in Hz [B, F] (`pitch_of`).
        `later` [B, T] delays the pulses, in periods."""
        shifts = [None] * len(pitch) if later is None else later
        clips = [excite(f0, self.mel.hop, self.rate, samples, shift) for f0, shift in zip(pitch, shifts)]
        pulses, breath, voicing = (torch.from_numpy(numpy.stack(part)).float() for part in zip(*clips))
        return Excitation(pulses, breath, voicing[:, self.stride // 2 :: self.stride])

    def excitation_of(self, mel: Tensor, samples: int) -> Excitation | None:
        """Makes the excitation of a log-mel [B, M, F], on its device. None if the prior has no harmonics."""
        if self.harmonics is None:
            return None
        return self.excitation(self.pitch_of(mel), samples).to(mel.device)

    def noise(self, white: Tensor, deviations: Tensor, excitation: Excitation | None = None) -> Tensor:
        """Turns white noise [B, T] into noise of the prior [B, T], which is coloured in the front end's own bins.

        With an excitation, voiced speech starts from its pulses: per bin and position, √(share)·pulses + √(1 −
        voicing·share)·breath·noise.
        """
        if excitation is None:
            encoded = self.front_end.encode(white)
        else:
            pulses = self.front_end.encode(excitation.pulses)
            noise = self.front_end.encode(white * excitation.breath)
            if self.has_minimum_phase:
                angles = minimum_phase(deviations.transpose(1, 2), self.front_end.kernel)
                pulses = turned(pulses, angles.transpose(1, 2))
            share = self.pulse_shares.repeat(2)[:, None]
            encoded = share.sqrt() * pulses + (1 - excitation.voicing[:, None] * share).sqrt() * noise
        return self.front_end.decode(encoded * deviations.repeat(1, 2, 1))

    def spectra(self, audio: Tensor) -> numpy.ndarray:
        """Computes the complex spectra [B, P, N] of audio [B, T]."""
        cosines, sines = self.front_end.encode(audio).double().transpose(1, 2).chunk(2, 2)
        return torch.complex(cosines, -sines).numpy()

    def align_pulses(
        self, recording: Tensor, pitch: numpy.ndarray, deviations: Tensor
    ) -> tuple[numpy.ndarray, numpy.ndarray, Tensor]:
        """Finds the pulses of a recording [B, T]: how much later than those of `excitation` they come, in periods
        [B, T], and how well they fit [B]. Also returns the voicing at the middle of each position [B, P]."""
        samples, middle = recording.shape[1], self.stride // 2
        pulses, _, voicing = self.excitation(pitch, samples)
        f0 = numpy.stack([per_sample(clip, self.mel.hop)[0][middle : samples : self.stride] for clip in pitch])
        scales = deviations.cpu().double().numpy().swapaxes(1, 2)
        spectra = self.spectra(recording.cpu()), self.spectra(pulses)
        shifts, fit = align(*spectra, scales, f0, voicing.numpy(), self.rate, self.front_end.kernel)
        at = numpy.arange(shifts.shape[1]) * self.stride + self.stride / 2
        return numpy.stack([numpy.interp(numpy.arange(samples), at, row) for row in shifts]), fit, voicing
