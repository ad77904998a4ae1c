"""Slices, joins, tiles and pads: PyTorch's functions of that name; NumPy where PyTorch has no negative strides."""

from typing import Any

import numpy as np
import torch

from .registry import layer


def _sliced(x: torch.Tensor, begins: Any, ends: Any, strides: Any, masks: Any) -> torch.Tensor:
    """masks: three lists, from the natural start, to the natural end, squeezed; an empty one is all false."""
    index: list[Any] = []
    for axis in range(x.ndim):
        from_start, to_end, squeezed = (bool(mask[axis]) if len(mask) else False for mask in masks)
        if squeezed:
            index.append(int(begins[axis]))
            continue
        begin, end = None if from_start else int(begins[axis]), None if to_end else int(ends[axis])
        index.append(slice(begin, end, int(strides[axis])))
    return torch.from_numpy(np.atleast_1d(np.ascontiguousarray(x.numpy()[tuple(index)])))


@layer("sliceStatic")
def slice_static(p: Any, x: torch.Tensor) -> torch.Tensor:
    return _sliced(x, p.beginIds, p.endIds, p.strides, (p.beginMasks, p.endMasks, p.squeezeMasks))


@layer("sliceDynamic")
def slice_dynamic(p: Any, x: torch.Tensor, begin: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
    given = [*rest, *[p.endIds, p.strides, p.beginMasks, p.endMasks, p.squeezeMasks][len(rest) :]]
    ends, strides, *masks = given
    return _sliced(x, begin, ends, strides if len(strides) else [1] * x.ndim, masks)


@layer("sliceBySize")
def slice_by_size(p: Any, x: torch.Tensor, begin: torch.Tensor) -> torch.Tensor:
    return x.narrow(p.axis, int(begin) % x.shape[p.axis], p.size)


@layer("concatND")
def concat_nd(p: Any, *xs: torch.Tensor) -> torch.Tensor:
    if not p.interleave:
        return torch.cat(xs, p.axis)
    axis = p.axis % xs[0].ndim
    return torch.stack(xs, axis + 1).flatten(axis, axis + 1)


@layer("splitND")
def split_nd(p: Any, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return x.split(list(p.splitSizes), p.axis) if len(p.splitSizes) else x.tensor_split(int(p.numSplits), p.axis)


@layer("stack")
def stack(p: Any, *xs: torch.Tensor) -> torch.Tensor:
    return torch.stack(xs, p.axis)


@layer("tile")
def tile(p: Any, x: torch.Tensor, *reps: torch.Tensor) -> torch.Tensor:
    return x.tile([int(n) for n in (reps[0] if reps else p.reps)])


@layer("transpose")
def transpose(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.permute([int(axis) for axis in p.axes])


@layer("constantPad")
def constant_pad(p: Any, x: torch.Tensor, *amounts: torch.Tensor) -> torch.Tensor:
    """In the mode of sizes an amount that is not 0 says how long the axis shall be."""
    pads = [int(n) for n in (amounts[0] if amounts else p.padAmounts)]
    if p.padToGivenOutputSizeMode:
        pads = [max(0, n - x.shape[i // 2]) if n else 0 for i, n in enumerate(pads)]
    last_first = [n for axis in reversed(range(x.ndim)) for n in pads[2 * axis : 2 * axis + 2]]
    return torch.nn.functional.pad(x, last_first, value=p.value)
