"""DiffWave's residual stack (Kong et al. 2021, figure 2) behind a front end. Parameters have the names of
src/model/parameters.ts.

Shapes: B clips, T samples, S stride, P = T/S positions, N bins, C channels, M mel bands, F mel frames. Inside,
sequences are images of height one, [B, C, 1, P], in channels-last order: on CPUs and GPUs alike the layout in which
convolutions are matrix products.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .frames import at_positions
from .front_end import Windows, front_end
from .mel import MelTransform
from .model_config import network_config
from .steps import output_gain

LEAKY_SLOPE = 0.4


def convolve(x: Tensor, layer: torch.nn.Conv1d, dilation: int = 1) -> Tensor:
    """Applies `layer` to [B, C, 1, P], with zero padding."""
    weight = layer.weight.unsqueeze(2)
    padding = (weight.shape[3] // 2) * dilation
    return F.conv2d(x, weight, layer.bias, padding=(0, padding), dilation=(1, dilation))


def image(sequence: Tensor) -> Tensor:
    """[B, C, P] → [B, C, 1, P], channels last."""
    return sequence.unsqueeze(2).contiguous(memory_format=torch.channels_last)


class Upsampler(torch.nn.Module):
    """Transposed 2-D convolutions 1 → 1 over a mel, one per stride: [B, M, F] → [B, M, about F·hop]."""

    def __init__(self, strides: list[int]):
        super().__init__()
        self.strides = strides
        for i, stride in enumerate(strides):
            odd = stride % 2
            kernel, padding = (3, 2 * stride + odd), (1, (stride + odd) // 2)
            self.add_module(f"conv{i + 1}", torch.nn.ConvTranspose2d(1, 1, kernel, (1, stride), padding))

    def forward(self, mel: Tensor) -> Tensor:
        x = mel.unsqueeze(1)
        for i in range(len(self.strides)):
            x = F.leaky_relu(getattr(self, f"conv{i + 1}")(x), LEAKY_SLOPE)
        return x.squeeze(1)


class ResidualLayer(torch.nn.Module):
    """One layer of the stack. `gate` says which half of the channels opens the other."""

    def __init__(self, network: dict[str, Any], width: int, dilation: int):
        """@param network: a model's `network` @param width: channels of the conditioning"""
        super().__init__()
        channels, hidden, mel = network["channels"], network["stepEmbedding"]["hidden"], network["mel"]
        self.dilation = dilation
        self.is_tanh_first = network["gate"] == "tanh-sigmoid"
        # Whether the residual is added to the layer's input, or to what the step has already been added to.
        self.is_before_step = network["residual"] == "before-step"
        self.dilated_conv = torch.nn.Conv1d(channels, 2 * channels, 3)
        self.diffusion_projection = torch.nn.Linear(hidden, channels)
        self.output_projection = torch.nn.Conv1d(channels, 2 * channels, 1)
        self.conditioner_projection = torch.nn.Conv1d(width, 2 * channels, 1) if mel else None
        has_upsampler = mel and mel["kind"] == "transposed" and mel["sharing"] == "per-layer"
        self.spectrogram_upsampler = Upsampler(mel["strides"]) if has_upsampler else None

    def forward(self, x: Tensor, step: Tensor, conditioning: Tensor | None) -> tuple[Tensor, Tensor]:
        """x [B, C, 1, P], step [B, hidden], conditioning [B, width, 1, P] → the next layer's x and the skip connection,
        [B, C, 1, P] each."""
        shifted = x + self.diffusion_projection(step)[:, :, None, None]
        total = convolve(shifted, self.dilated_conv, self.dilation)
        if self.conditioner_projection is not None and conditioning is not None:
            total = total + convolve(conditioning, self.conditioner_projection)
        first, second = total.chunk(2, 1)
        gate, content = (second, first) if self.is_tanh_first else (first, second)
        residual, skip = convolve(torch.sigmoid(gate) * torch.tanh(content), self.output_projection).chunk(2, 1)
        return ((x if self.is_before_step else shifted) + residual) / math.sqrt(2), skip


class Network(torch.nn.Module):
    """The denoiser of a `network` config."""

    def __init__(self, network: dict[str, Any], convention: dict[str, Any] | None = None):
        """@param network: a model's `network` @param convention: its `mel`, which the correction needs

        @raises ConfigError
        """
        super().__init__()
        self.config = network = network_config(network)
        channels, embedding, mel, front = (network[key] for key in ("channels", "stepEmbedding", "mel", "frontEnd"))
        self.front_end = front_end(network)
        self.envelope, self.correction = (front[key] if front else None for key in ("envelope", "correction"))
        self.mel = MelTransform(convention) if convention and self.envelope else None
        # What `torch.compile` made of `stack` (`compile_stack`). It is used in training mode alone.
        self.compiled: Callable[..., Tensor] | None = None
        inputs = outputs = self.front_end.channels
        if self.envelope:
            inputs += front["bins"]
        if network["inputMask"]:
            outputs += front["bins"] if front else outputs
        self.input_projection = torch.nn.Conv1d(inputs, channels, 1)
        self.diffusion_embedding = torch.nn.ModuleDict(
            {
                "projection1": torch.nn.Linear(embedding["size"], embedding["hidden"]),
                "projection2": torch.nn.Linear(embedding["hidden"], embedding["hidden"]),
            }
        )
        if network["labels"]:
            # The last row stands for no label.
            self.label_embedding = torch.nn.Embedding(len(network["labels"]) + 1, embedding["hidden"])
            torch.nn.init.normal_(self.label_embedding.weight, std=0.02)
        width = mel["bands"] if mel else 0
        if mel and mel["kind"] == "transposed" and mel["sharing"] == "shared":
            self.spectrogram_upsampler = Upsampler(mel["strides"])
        if mel and mel["kind"] == "frame-rate":
            widths = [width, *mel["encoder"]]
            self.spectrogram_encoder = torch.nn.ModuleList(torch.nn.Conv1d(a, b, 3) for a, b in zip(widths, widths[1:]))
            width = widths[-1]
        dilations = [2 ** (i % network["dilationCycle"]) for i in range(network["layers"])]
        self.residual_layers = torch.nn.ModuleList(ResidualLayer(network, width, dilation) for dilation in dilations)
        self.skip_projection = torch.nn.Conv1d(channels, channels, 1)
        self.output_projection = torch.nn.Conv1d(channels, outputs, 1)
        for module in self.modules():
            if isinstance(module, torch.nn.Conv1d):
                torch.nn.init.kaiming_normal_(module.weight)
        torch.nn.init.zeros_(self.output_projection.weight)

    @classmethod
    def of_model(cls, model: dict[str, Any]) -> "Network":
        """Makes the network of a model's config (`model_config`), with new weights."""
        return cls(model["network"], model["mel"])

    def forward(
        self,
        audio: Tensor,
        sinusoids: Tensor,
        mel: Tensor | None = None,
        labels: Tensor | None = None,
        deviations: Tensor | None = None,
        gain: Tensor | None = None,
    ) -> Tensor:
        """x_t [B, T], the step's sinusoids [B, size], mel [B, M, F], labels [B], envelope [B, N, P]
        (`Prior.deviations`), g(t) [B] → [B, T].

        Behind windows with an envelope s and a mask: decode(m ⊙ X_t + g·s ⊙ f), X_t = encode(x_t); the stack sees X_t/s
        and ln s. The front end computes in float32 whatever the autocast: bfloat16 would add noise 48 dB below the
        audio.
        """
        device = audio.device.type
        with torch.autocast(device, enabled=False):
            encoded = self.front_end.encode(audio.float())
            inputs = encoded
            if self.envelope:
                assert deviations is not None
                scale = deviations.repeat(1, 2, 1)
                inputs = torch.cat([encoded / scale, (deviations.log() + 6) / 3], 1)
        stack = self.compiled if self.compiled is not None and self.training else self.stack
        outputs = stack(inputs, sinusoids, mel, labels)
        with torch.autocast(device, enabled=False):
            outputs = outputs.float()
            made, logits = outputs[:, : encoded.shape[1]], outputs[:, encoded.shape[1] :]
            if self.envelope:
                made = made * scale
            if self.config["inputMask"]:
                assert gain is not None
                mask = torch.sigmoid(logits)
                if isinstance(self.front_end, Windows):
                    mask = mask.repeat(1, 2, 1)
                made = mask * encoded + gain[:, None, None] * made
            audio = self.front_end.decode(made)
            if not self.correction:
                return audio
            assert self.mel is not None and mel is not None
            return self.mel.corrected(audio, mel, **self.correction)

    def gain(self, steps: Tensor) -> Tensor | None:
        """Computes the gain of the output g(t) [B] that `forward` needs for steps t [B]. None without a mask."""
        mask = self.config["inputMask"]
        return output_gain(steps, mask["steps"]) if mask else None

    def stack(self, inputs: Tensor, sinusoids: Tensor, mel: Tensor | None, labels: Tensor | None = None) -> Tensor:
        """The residual stack: [B, inputs, P] → [B, outputs, P]."""
        embedding, positions = self.diffusion_embedding, inputs.shape[2]
        step = F.silu(embedding["projection2"](F.silu(embedding["projection1"](sinusoids))))
        if labels is not None:
            step = step + self.label_embedding(labels)
        shared = self.conditioning(mel, positions) if mel is not None else None
        x = F.relu(convolve(image(inputs), self.input_projection))
        skips = torch.zeros_like(x)
        for layer in self.residual_layers:
            assert isinstance(layer, ResidualLayer)
            upsampler = layer.spectrogram_upsampler
            x, skip = layer(x, step, shared if upsampler is None else self.to_positions(upsampler(mel), positions))
            skips = skips + skip
        x = F.relu(convolve(skips / math.sqrt(len(self.residual_layers)), self.skip_projection))
        return convolve(x, self.output_projection).squeeze(2)

    def conditioning(self, mel: Tensor, positions: int) -> Tensor | None:
        """Makes the input of the layers' conditioner projections [B, width, 1, P] from a mel [B, M, F]; None if each
        layer makes its own.

        src/model/network.ts interpolates after the projection; the two commute, since the weights of an interpolation
        add up to one.
        """
        config = self.config["mel"]
        if config["kind"] == "transposed":
            is_shared = config["sharing"] == "shared"
            return self.to_positions(self.spectrogram_upsampler(mel), positions) if is_shared else None
        x = image(mel)
        for layer in self.spectrogram_encoder:
            assert isinstance(layer, torch.nn.Conv1d)
            x = F.leaky_relu(convolve(x, layer), LEAKY_SLOPE)
        return image(at_positions(x.squeeze(2), config["hop"], self.front_end.stride, positions))

    def to_positions(self, upsampled: Tensor, positions: int) -> Tensor:
        """Takes the values of a mel at the sample rate [B, M, T] at the first sample of each position [B, M, 1, P]."""
        stride = self.front_end.stride
        return image(upsampled[:, :, : positions * stride : stride])
