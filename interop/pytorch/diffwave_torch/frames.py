"""Reads mel frames at the positions of a network, and their bins at those of a shorter transform."""

import torch
import torch.nn.functional as F
from torch import Tensor


def at_positions(frames: Tensor, hop: int, stride: int, count: int, offset: float = 0) -> Tensor:
    """Values per mel frame [B, C, F], frame f lying at sample f·hop, read at samples p·stride + offset: [B, C, count].

    Linear between frames; the last one is held.
    """
    at = (torch.arange(count, device=frames.device) * stride + offset) / hop
    below = at.long().clamp(max=frames.shape[2] - 1)
    above = (below + 1).clamp(max=frames.shape[2] - 1)
    low = frames[:, :, below]
    return low + (frames[:, :, above] - low) * (at - at.floor()).to(frames.dtype)


def smooth_bins(power: Tensor, factor: int) -> Tensor:
    """Power per bin [B, N, F], a triangle of ±factor bins around every factor-th bin: [B, (N − 1)/factor + 1, F].

    The first and last bin are repeated at the ends. Bins of a long transform thus become those of one a factor shorter.
    """
    if factor == 1:
        return power
    triangle = 1 - torch.arange(1 - factor, factor, device=power.device).abs() / factor
    rows = F.pad(power.transpose(1, 2), (factor - 1, factor - 1), mode="replicate")
    return (rows.unfold(2, 2 * factor - 1, factor) @ (triangle / factor)).transpose(1, 2)
