"""Pooling layers against loops over windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import borders, both_mappings, check, layer, lead, model, numbers, refused

MAX, AVERAGE, L2 = 0, 1, 2


def windows(
    x: np.ndarray, kind: int, kernel: Any, stride: Any, starts: Any, counts: Any, pads: Any, exclude: bool
) -> Any:
    """One window at a time.  starts: of the padding; counts: of the result; pads: (start, end) that may be counted.

    A window that hangs over the end of the padding counts cells up to there, as in Caffe and with PyTorch's ceil_mode.
    """
    y = np.zeros((*x.shape[:-2], *counts))
    height, width = x.shape[-2:]
    for i, j in np.ndindex(*counts):
        top, left = i * stride[0] - starts[0], j * stride[1] - starts[1]
        cut = x[..., max(top, 0) : max(top + kernel[0], 0), max(left, 0) : max(left + kernel[1], 0)].astype(np.float64)
        if kind == MAX:
            y[..., i, j] = cut.max((-1, -2)) if cut.size else -np.inf
        elif kind == L2:
            y[..., i, j] = np.sqrt((cut**2).sum((-1, -2)))
        else:
            rows = min(top + kernel[0], height + pads[0][1]) - top
            columns = min(left + kernel[1], width + pads[1][1]) - left
            cells = cut.shape[-1] * cut.shape[-2] if exclude else rows * columns
            y[..., i, j] = cut.sum((-1, -2)) / cells if cells else 0
    return y


CASES: list[dict[str, Any]] = [
    {},
    {"kernel": (2, 2), "stride": (2, 2)},
    {"kernel": (2, 3), "stride": (3, 1)},
    {"pads": ((1, 1), (1, 1))},
    {"pads": ((2, 0), (1, 2)), "stride": (2, 2)},
    {"pads": "bottom right", "stride": (2, 2), "kernel": (2, 4)},
    {"pads": "top left", "stride": (2, 2), "kernel": (2, 4)},
    {"pads": (0, 0), "stride": (2, 2), "kernel": (3, 3)},
    {"pads": (1, 1), "stride": (2, 2), "kernel": (2, 3)},
    {"pads": (1, 2), "stride": (3, 3), "kernel": (3, 3)},
]


@both_mappings
@pytest.mark.parametrize(
    ("kind", "exclude"),
    [(MAX, False), (AVERAGE, False), (AVERAGE, True), (L2, False)],
    ids=["max", "average", "average of real cells", "L2"],
)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_pooling_is_the_fold_of_each_window(case: dict[str, Any], kind: int, exclude: bool, exact: bool) -> None:
    x = numbers(*lead(exact), 5, 8, 9)
    kernel, stride, given = case.get("kernel", (3, 3)), case.get("stride", (1, 1)), case.get("pads", ((0, 0), (0, 0)))
    sides, counts = [], []
    for axis, (n, k, s) in enumerate(zip(x.shape[-2:], kernel, stride, strict=True)):
        if isinstance(given, str):
            counts.append(-(-n // s))
            total = max(0, (counts[-1] - 1) * s + k - n)
            sides.append((total - total // 2, total // 2) if given == "top left" else (total // 2, total - total // 2))
            padding: dict[str, Any] = {"same": {"asymmetryMode": int(given == "top left")}}
        elif isinstance(given[0], tuple):
            sides.append(given[axis])
            counts.append((n + sum(given[axis]) - k) // s + 1)
            padding = {"valid": {"paddingAmounts": borders(*given)}}
        else:
            sides.append((given[axis], given[axis]))
            count = -(-(n + 2 * given[axis] - k) // s) + 1
            counts.append(count - 1 if any(given) and (count - 1) * s >= n + given[axis] else count)
            padding = {"includeLastPixel": {"paddingAmounts": given}}
    expected = windows(x, kind, kernel, stride, [a for a, _ in sides], counts, sides, exclude)
    pool = layer("pooling", type=kind, kernelSize=kernel, stride=stride, avgPoolExcludePadding=exclude, **padding)
    check(model({"x": x.shape}, [pool], exact=exact), {"x": x}, expected)


@both_mappings
@pytest.mark.parametrize("kind", [MAX, AVERAGE, L2])
def test_global_pooling_ignores_sizes_and_padding(kind: int, exact: bool) -> None:
    x = numbers(*lead(exact), 6, 7, 5)
    pool = layer("pooling", type=kind, globalPooling=True, kernelSize=(100, 100), stride=(0, 0), valid={})
    fold = [x.max((-1, -2)), x.mean((-1, -2)), np.sqrt((x**2).sum((-1, -2)))][kind]
    check(model({"x": x.shape}, [pool], exact=exact), {"x": x}, fold[..., None, None])


def pool_with(**change: Any) -> Any:
    fields: dict[str, Any] = {"type": MAX, "kernelSize": (2, 2), "stride": (2, 2), "valid": {}} | change
    return layer("pooling", name="pool3", **{k: v for k, v in fields.items() if v is not None})


BAD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "no padding type": ({"valid": None}, ("pool3", "PoolingPaddingType", "None")),
    "zero kernel": ({"kernelSize": (2, 0)}, ("pool3", "kernelSize", "[2, 0]")),
    "huge kernel": ({"kernelSize": (2**33, 2)}, ("pool3", "kernelSize", str(2**33))),
    "kernel larger than the image": ({"kernelSize": (9, 2)}, ("pool3", "9")),
    "stride 0": ({"stride": (0, 2)}, ("pool3", "stride", "[0, 2]")),
    "three strides": ({"stride": (1, 2, 3)}, ("pool3", "stride", "[1, 2, 3]")),
    "unknown kind": ({"type": 7}, ("pool3", "type", "7")),
    "padding of one axis": (
        {"valid": {"paddingAmounts": borders((1, 1))}}, ("pool3", "paddingAmounts", "two axes")
    ),
    "huge padding to the last pixel": (
        {"valid": None, "includeLastPixel": {"paddingAmounts": (2**33, 0)}}, ("pool3", "paddingAmounts", str(2**33))
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD)
def test_bad_poolings_are_refused(change: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 8, 8)}, [pool_with(**change)]), *words)


def test_pooling_of_a_vector_is_refused() -> None:
    refused(model({"x": (8,)}, [pool_with()], exact=True), "pool3", "rank 3", "rank 1")
