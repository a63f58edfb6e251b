"""DiffWave's residual stack (Kong et al. 2021, figure 2) behind a front end. Parameters have the names of
src/model/parameters.ts.

Shapes: B clips, T samples, S stride, P = T/S positions, N bins, C channels, M mel bands, F mel frames. Inside,
sequences are images of height one, [B, C, 1, P], in channels-last order: on CPUs and GPUs alike the layout in which
convolutions are matrix products.
"""

import math
import typing

import numpy
import torch
import torch.nn.functional as F

from .model_config import HARMONICS, network_config
from .alignment import align, minimum_phase
from .excitation import excite, per_sample, pulse_share
from .front_end import Windows, front_end
from .mel import MelTransform, at_positions, smooth_bins
from .pitch import PitchTracker

LEAKY_SLOPE = 0.4


def turned(encoded, angles):
    """Moves the phases of coefficients [B, 2N, P] by angles [B, N, P]."""
    cosines, sines = encoded.chunk(2, 1)
    return torch.cat([cosines * angles.cos() + sines * angles.sin(), sines * angles.cos() - cosines * angles.sin()], 1)


def step_sinusoids(steps, embedding):
    """Computes the sines, then the cosines, of t·f_i of steps [B]: [B, size]. If `fractional` is `interpolated`, only
    whole steps are allowed."""
    half = embedding["size"] // 2
    i = torch.arange(half, device=steps.device, dtype=torch.float32)
    if embedding["frequencies"] == "inverse":
        factors = torch.exp(i * -(math.log(1e4) / (half - 1)))
    else:
        factors = 10 ** (i * 4 / (half - 1))
    angle = steps[:, None].float() * factors
    return torch.cat([angle.sin(), angle.cos()], 1)


def convolve(x, layer, dilation=1):
    """Applies `layer` (Conv1d) to [B, C, 1, P], with zero padding."""
    weight = layer.weight.unsqueeze(2)
    padding = (weight.shape[3] // 2) * dilation
    return F.conv2d(x, weight, layer.bias, padding=(0, padding), dilation=(1, dilation))


def image(sequence):
    """[B, C, P] → [B, C, 1, P], channels last."""
    return sequence.unsqueeze(2).contiguous(memory_format=torch.channels_last)


class Upsampler(torch.nn.Module):
    """Transposed 2-D convolutions 1 → 1 over a mel, one per stride: [B, M, F] → [B, M, about F·hop]."""

    def __init__(self, strides):
        super().__init__()
        self.strides = strides
        for i, stride in enumerate(strides):
            odd = stride % 2
            kernel, padding = (3, 2 * stride + odd), (1, (stride + odd) // 2)
            self.add_module(f"conv{i + 1}", torch.nn.ConvTranspose2d(1, 1, kernel, (1, stride), padding))

    def forward(self, mel):
        x = mel.unsqueeze(1)
        for i in range(len(self.strides)):
            x = F.leaky_relu(getattr(self, f"conv{i + 1}")(x), LEAKY_SLOPE)
        return x.squeeze(1)


class Excitation(typing.NamedTuple):
    """Pulses [B, T], the gain of white noise beside them [B, T], and the voicing at each position's middle [B, P]."""

    pulses: torch.Tensor
    breath: torch.Tensor
    voicing: torch.Tensor


class Network(torch.nn.Module):
    """The denoiser of a `network` config; with a mel convention, also the envelope of its windowed front end."""

    def __init__(self, network, convention=None, prior=None):
        super().__init__()
        self.config = network = network_config(network)
        channels, hidden, mel, labels = (
            network["channels"],
            network["stepEmbedding"]["hidden"],
            network["mel"],
            network["labels"],
        )
        self.front_end = front_end(network)
        front = network["frontEnd"]
        self.envelope = front["envelope"] if front else None
        self.correction = front["correction"] if front else None
        self.mel = MelTransform(convention) if convention and self.envelope else None
        self.harmonics = (prior or {}).get("harmonics")
        if self.harmonics is not None:
            self.harmonics = HARMONICS(self.harmonics, "harmonics")
            self.rate = convention["sampleRate"]
            self.pitch = PitchTracker(self.mel.filters, self.rate, self.mel.size, self.harmonics["pitch"])
            hertz = torch.arange(front["bins"]) * (self.rate / front["kernel"])
            share = pulse_share(hertz, self.harmonics["corner"], self.harmonics["noise"])
            self.register_buffer("pulse_shares", share, persistent=False)
        inputs = outputs = self.front_end.channels
        if self.envelope:
            inputs += front["bins"]
        if network["inputMask"]:
            outputs += front["bins"] if front else outputs
        self.input_projection = torch.nn.Conv1d(inputs, channels, 1)
        self.diffusion_embedding = torch.nn.ModuleDict(
            {
                "projection1": torch.nn.Linear(network["stepEmbedding"]["size"], hidden),
                "projection2": torch.nn.Linear(hidden, hidden),
            }
        )
        if labels:
            self.label_embedding = torch.nn.Embedding(len(labels) + 1, hidden)
            torch.nn.init.normal_(self.label_embedding.weight, std=0.02)
        width = mel["bands"] if mel else 0
        if mel and mel["kind"] == "transposed" and mel["sharing"] == "shared":
            self.spectrogram_upsampler = Upsampler(mel["strides"])
        if mel and mel["kind"] == "frame-rate":
            widths = [width, *mel["encoder"]]
            self.spectrogram_encoder = torch.nn.ModuleList(torch.nn.Conv1d(a, b, 3) for a, b in zip(widths, widths[1:]))
            width = widths[-1]
        self.residual_layers = torch.nn.ModuleList(
            self.layer(channels, hidden, width, mel) for _ in range(network["layers"])
        )
        self.skip_projection = torch.nn.Conv1d(channels, channels, 1)
        self.output_projection = torch.nn.Conv1d(channels, outputs, 1)
        for module in self.modules():
            if isinstance(module, torch.nn.Conv1d):
                torch.nn.init.kaiming_normal_(module.weight)
        torch.nn.init.zeros_(self.output_projection.weight)

    @classmethod
    def of_model(cls, model):
        """Makes the network of a model's config (`model_config`), with new weights."""
        return cls(model["network"], model["mel"], model["diffusion"].get("prior"))

    @property
    def context(self):
        """Number of samples before and after a crop that its mel depends on."""
        return self.mel.size // 2

    def conditioned(self, audio):
        """Turns crops with their context [B, T + 2·context] into crops [B, T], log-mels [B, M, F] and deviations
        [B, N, P]."""
        crops = audio[:, self.context : audio.shape[1] - self.context]
        mel = self.mel(audio)
        return crops, mel, self.deviations(mel, crops.shape[1])

    @staticmethod
    def layer(channels, hidden, width, mel):
        """The parameters of one residual layer."""
        parts = {
            "dilated_conv": torch.nn.Conv1d(channels, 2 * channels, 3),
            "diffusion_projection": torch.nn.Linear(hidden, channels),
            "output_projection": torch.nn.Conv1d(channels, 2 * channels, 1),
        }
        if mel:
            parts["conditioner_projection"] = torch.nn.Conv1d(width, 2 * channels, 1)
        if mel and mel["kind"] == "transposed" and mel["sharing"] == "per-layer":
            parts["spectrogram_upsampler"] = Upsampler(mel["strides"])
        return torch.nn.ModuleDict(parts)

    def deviations(self, mel, samples):
        """Computes the deviation of the noise in each bin [B, N, P] from a log-mel [B, M, F].

        A Hann window of L samples sees white noise of deviation 1 as magnitudes of mean square 3L/8.
        """
        front, transform = self.config["frontEnd"], self.mel
        power = transform.magnitudes(mel, self.envelope["iterations"]).square() / (0.375 * transform.size)
        power = smooth_bins(power, transform.size // front["kernel"])[:, : front["bins"]]
        stride = front["stride"]
        power = at_positions(power, transform.hop, stride, samples // stride, offset=stride / 2)
        return power.sqrt().clamp(min=self.envelope["floor"])

    def pitch_of(self, mel):
        """Finds f0 in Hz [B, F], 0 without pitch, of a log-mel [B, M, F]. None if the prior has no harmonics."""
        return None if self.harmonics is None else self.pitch.track(mel.cpu().numpy())

    def excitation(self, pitch, samples, later=None):
        """Makes the pulses and breath that voiced speech starts from, from f0 in Hz [B, F] (`pitch_of`). `later` [B, T]
        delays the pulses, in periods."""
        hop, stride = self.mel.hop, self.config["frontEnd"]["stride"]
        later = [None] * len(pitch) if later is None else later
        clips = [excite(f0, hop, self.rate, samples, shift) for f0, shift in zip(pitch, later)]
        pulses, breath, voicing = (torch.from_numpy(numpy.stack(part)).float() for part in zip(*clips))
        return Excitation(pulses, breath, voicing[:, stride // 2 :: stride])

    def excitation_of(self, mel, samples):
        """Makes the excitation of a log-mel [B, M, F], on its device. None if the prior has no harmonics."""
        if self.harmonics is None:
            return None
        return Excitation(*(part.to(mel.device) for part in self.excitation(self.pitch_of(mel), samples)))

    def shape_noise(self, white, deviations, excitation=None):
        """Turns white noise [B, T] into noise of the prior [B, T], which is coloured in the front end's own bins.

        With an excitation, voiced speech starts from its pulses: per bin and position, √(share)·pulses + √(1 −
        voicing·share)·breath·noise.
        """
        if excitation is None:
            encoded = self.front_end.encode(white)
        else:
            pulses, noise = (self.front_end.encode(x) for x in (excitation.pulses, white * excitation.breath))
            if self.harmonics["phase"] == "minimum":
                angles = minimum_phase(deviations.transpose(1, 2), self.front_end.kernel)
                pulses = turned(pulses, angles.transpose(1, 2))
            share = self.pulse_shares.repeat(2)[:, None]
            encoded = share.sqrt() * pulses + (1 - excitation.voicing[:, None] * share).sqrt() * noise
        return self.front_end.decode(encoded * deviations.repeat(1, 2, 1))

    def align_pulses(self, recording, pitch, deviations):
        """Finds the pulses of a recording [B, T]: how much later than those of `excitation` they come, in periods
        [B, T], and how well they fit [B]. Also returns the voicing at the middle of each position [B, P]."""
        hop, stride, bins = self.mel.hop, self.config["frontEnd"]["stride"], self.front_end.bins
        pulses, _, voicing = self.excitation(pitch, recording.shape[1])
        spectra = []
        for audio in (recording.cpu(), pulses):
            encoded = self.front_end.encode(audio).double().numpy()
            spectra.append((encoded[:, :bins] - 1j * encoded[:, bins:]).swapaxes(1, 2))
        f0 = numpy.stack([per_sample(clip, hop)[0][stride // 2 : recording.shape[1] : stride] for clip in pitch])
        scales = deviations.cpu().double().numpy().swapaxes(1, 2)
        shifts, fit = align(*spectra, scales, f0, voicing.numpy(), self.rate, self.front_end.kernel)
        samples = numpy.arange(recording.shape[1])
        at = numpy.arange(shifts.shape[1]) * stride + stride / 2
        return numpy.stack([numpy.interp(samples, at, row) for row in shifts]), fit, voicing

    def forward(self, audio, sinusoids, mel=None, labels=None, deviations=None, output_gain=None):
        """x_t [B, T], the step's sinusoids [B, size], mel [B, M, F], labels [B], deviations [B, N, P] of `deviations`,
        g [B] → [B, T].

        Behind windows with an envelope s and a mask: decode(m ⊙ X_t + g·s ⊙ f), X_t = encode(x_t); the stack sees X_t/s
        and ln s. The front end computes in float32 whatever the autocast: bfloat16 would add noise 48 dB below the
        audio.
        """
        device = audio.device.type
        with torch.autocast(device, enabled=False):
            encoded = self.front_end.encode(audio.float())
            inputs = encoded
            if self.envelope:
                scale = deviations.repeat(1, 2, 1)
                inputs = torch.cat([encoded / scale, (deviations.log() + 6) / 3], 1)
        outputs = self.stack(inputs, sinusoids, mel, labels)
        with torch.autocast(device, enabled=False):
            outputs = outputs.float()
            made, logits = outputs[:, : encoded.shape[1]], outputs[:, encoded.shape[1] :]
            if self.envelope:
                made = made * scale
            if self.config["inputMask"]:
                mask = torch.sigmoid(logits)
                if isinstance(self.front_end, Windows):
                    mask = mask.repeat(1, 2, 1)
                made = mask * encoded + output_gain[:, None, None] * made
            audio = self.front_end.decode(made)
            return self.mel.corrected(audio, mel, **self.correction) if self.correction else audio

    def stack(self, inputs, sinusoids, mel, labels):
        """The residual stack: [B, inputs, P] → [B, outputs, P]."""
        network = self.config
        embedding = self.diffusion_embedding
        step = F.silu(embedding["projection2"](F.silu(embedding["projection1"](sinusoids))))
        if labels is not None:
            step = step + self.label_embedding(labels)
        conditioning = self.conditioning(mel, inputs.shape[2]) if mel is not None else None
        x = F.relu(convolve(image(inputs), self.input_projection))
        skips = 0
        for i, layer in enumerate(self.residual_layers):
            shifted = x + layer["diffusion_projection"](step)[:, :, None, None]
            total = convolve(shifted, layer["dilated_conv"], 2 ** (i % network["dilationCycle"]))
            if conditioning is not None:
                up = conditioning
                if "spectrogram_upsampler" in layer:
                    up = self.to_positions(layer["spectrogram_upsampler"](mel), inputs.shape[2])
                total = total + convolve(up, layer["conditioner_projection"])
            first, second = total.chunk(2, 1)
            if network["gate"] == "tanh-sigmoid":
                first, second = second, first
            residual, skip = convolve(torch.sigmoid(first) * torch.tanh(second), layer["output_projection"]).chunk(2, 1)
            x = ((x if network["residual"] == "before-step" else shifted) + residual) / math.sqrt(2)
            skips = skips + skip
        x = F.relu(convolve(skips / math.sqrt(network["layers"]), self.skip_projection))
        return convolve(x, self.output_projection).squeeze(2)

    def conditioning(self, mel, positions):
        """Makes the input of the layers' conditioner projections [B, width, 1, P] from a mel [B, M, F].

        src/model/network.ts interpolates after the projection; the two commute, since the weights of an interpolation
        add up to one.
        """
        config = self.config["mel"]
        if config["kind"] == "transposed":
            return (
                self.to_positions(self.spectrogram_upsampler(mel), positions) if config["sharing"] == "shared" else ()
            )
        x = image(mel)
        for layer in self.spectrogram_encoder:
            x = F.leaky_relu(convolve(x, layer), LEAKY_SLOPE)
        return image(at_positions(x.squeeze(2), config["hop"], self.front_end.stride, positions))

    def to_positions(self, upsampled, positions):
        """Takes the values of a mel at the sample rate [B, M, T] at the first sample of each position [B, M, 1, P]."""
        stride = self.front_end.stride
        return image(upsampled[:, :, : positions * stride : stride])


def output_gain(network, steps):
    """Computes g(t) of src/model/output-gain.ts for steps [B]: sin(π/2 · (t + 1)/(T + 1)), about the deviation of the
    noise."""
    if not network["inputMask"]:
        return torch.ones_like(steps)
    return torch.sin(math.pi / 2 * ((steps + 1) / (network["inputMask"]["steps"] + 1)).clamp(max=1))
