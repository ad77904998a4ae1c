"""Layers that move, cut or repeat values.  H and W are axes -2 and -1, C is -3, Seq is -5."""

from typing import Any

import torch
import torch.nn.functional as F

from . import borders, weights
from .registry import layer


@layer("padding")
def padding(p: Any, x: torch.Tensor) -> torch.Tensor:
    """Constant, reflected (edge not repeated) or replicated border on the last two axes."""
    kind = p.WhichOneof("PaddingType")
    pads = borders.amounts(p.paddingAmounts)
    if kind == "constant":
        return borders.pad(x, pads, p.constant.value)
    (top, bottom), (left, right) = pads
    mode = {"reflection": "reflect", "replication": "replicate"}[kind]
    planes = x.reshape(-1, 1, *x.shape[-2:])
    y = F.pad(planes, (left, right, top, bottom), mode=mode)
    return y.reshape(*x.shape[:-2], *y.shape[-2:])


@layer("crop")
def crop(p: Any, x: torch.Tensor, like: torch.Tensor | None = None) -> torch.Tensor:
    """One input: cut cropAmounts.  Two: the size of the second, from offset."""
    if like is None:
        (top, bottom), (left, right) = borders.amounts(p.cropAmounts)
        return borders.pad(x, ((-top, -bottom), (-left, -right)))
    top, left = borders.pair(p.offset, 0)
    return x[..., top : top + like.shape[-2], left : left + like.shape[-1]]


@layer("flatten")
def flatten(p: Any, x: torch.Tensor) -> torch.Tensor:
    """(.., C, H, W) -> (.., C*H*W, 1, 1); CHANNEL_LAST reads in (H, W, C) order."""
    ordered = x.movedim(-3, -1) if p.mode == 1 else x
    return ordered.reshape(*x.shape[:-3], -1, 1, 1)


@layer("reshape")
def reshape(p: Any, x: torch.Tensor) -> torch.Tensor:
    """Rank 5 (Seq, B, C, H, W) to targetShape [C, H, W] or [Seq, C, H, W]; B stays where it is."""
    target = [int(n) for n in p.targetShape]
    seq, channels, height, width = target if len(target) == 4 else (x.shape[0], *target)
    batch_first = x.movedim(1, 0)
    if p.mode == 0:
        return batch_first.reshape(x.shape[1], seq, channels, height, width).movedim(0, 1)
    y = batch_first.movedim(2, -1).reshape(x.shape[1], seq, height, width, channels)
    return y.movedim(-1, 2).movedim(0, 1)


@layer("permute")
def permute(p: Any, x: torch.Tensor) -> torch.Tensor:
    """Rank 5; the four axes count Seq, C, H, W and leave B alone."""
    seq, channel, height, width = ((0, 2, 3, 4)[int(a)] for a in p.axis)
    return x.permute(seq, 1, channel, height, width)


@layer("concat")
def concat(p: Any, *xs: torch.Tensor) -> torch.Tensor:
    return torch.cat(xs, -5 if p.sequenceConcat else -3)


@layer("split")
def split(p: Any, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return x.chunk(int(p.nOutputs), -3)


@layer("sequenceRepeat")
def sequence_repeat(p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x] * (int(p.nRepetitions) or 1), -5)


@layer("slice")
def slice_(p: Any, x: torch.Tensor) -> torch.Tensor:
    """[startIndex, endIndex) with a stride on one axis; negative indices count from the end."""
    axis = (-3, -2, -1)[p.axis]
    indices = range(x.shape[axis])[int(p.startIndex) : int(p.endIndex) : int(p.stride) or 1]
    return x.index_select(axis, torch.tensor(list(indices), dtype=torch.long))


@layer("reorganizeData")
def reorganize_data(p: Any, x: torch.Tensor) -> torch.Tensor:
    """Blocks of b x b pixels to channels and back; the three modes differ in the order of the channels."""
    b = int(p.blockSize)
    lead, (channels, height, width) = x.shape[:-3], x.shape[-3:]
    if p.mode == 0:  # SPACE_TO_DEPTH: channel = (i*b + j)*C + c
        cells = x.reshape(-1, channels, height // b, b, width // b, b).permute(0, 3, 5, 1, 2, 4)
        return cells.reshape(*lead, channels * b * b, height // b, width // b)
    if p.mode == 1:  # DEPTH_TO_SPACE: channel = (i*b + j)*C' + c
        cells = x.reshape(-1, b, b, channels // (b * b), height, width).permute(0, 3, 4, 1, 5, 2)
        return cells.reshape(*lead, channels // (b * b), height * b, width * b)
    y = F.pixel_shuffle(x.reshape(-1, channels, height, width), b)  # channel = c*b*b + i*b + j
    return y.reshape(*lead, *y.shape[-3:])


@layer("loadConstant")
def load_constant(p: Any) -> torch.Tensor:
    """(1, 1, C, H, W), always in the legacy rank."""
    return weights.tensor(p.data, p.shape)[None, None]
