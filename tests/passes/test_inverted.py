"""Inverted residual blocks in one step: when, and that the answer stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.op import IDENTITY, Activation
from pyruntime.ir.ops import Conv, Inverted, Padding
from pyruntime.layers.builder import Builder
from pyruntime.native import lib
from pyruntime.passes.inverted import fuse_inverted
from pyruntime.passes.pack import pack_weights

from .graphs import graph, run

RELU6 = Activation(lo=0, hi=6)
PIXELWISE = Conv((1, 1), (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, 1, 8, has_bias=True)
SHAPE = (2, 50, 47, 8)
"""With 96 channels 902 KB an image."""


def draw(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    return np.asarray(rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:])), np.float32)


class Block:
    """The three convolutions, as convolutions."""

    def __init__(self, wide: int = 96, size: int = 3, stride: int = 1, outputs: int = 8, *, add: bool = False) -> None:
        self.wide, self.size, self.stride, self.outputs, self.residual = wide, size, stride, outputs, add

    def __str__(self) -> str:
        return f"{self.wide} to {self.outputs}, {self.size}x{self.size} by {self.stride}{', residual' * self.residual}"

    def parts(self, b: Builder, x: Value, **first: Any) -> tuple[Value, Value, Value]:
        one = replace(PIXELWISE, outputs=self.wide, activation=RELU6)
        deep = replace(one, kernel=(self.size,) * 2, strides=(self.stride,) * 2, groups=self.wide)
        deep = replace(deep, pads_begin=(self.size // 2,) * 2, pads_end=(self.size // 2,) * 2)
        last = replace(one, outputs=self.outputs, activation=IDENTITY, has_residual=self.residual)
        wide = b.emit(replace(one, **first), x, *map(b.constant, self.weights(x.shape[-1])[0]))
        low = b.emit(deep, wide, *map(b.constant, self.weights(0)[1]))
        return wide, low, b.emit(last, low, *map(b.constant, self.weights(0)[2]), *[x] * self.residual)

    def weights(self, channels: int) -> list[tuple[np.ndarray, np.ndarray]]:
        shapes = (self.wide, channels, 1, 1), (self.wide, 1, self.size, self.size), (self.outputs, self.wide, 1, 1)
        return [(draw(*shape), draw(shape[0], 1)[:, 0]) for shape in shapes]

    def graph(self, shape: tuple[int, ...] = SHAPE) -> Graph:
        return graph(lambda b, x: self.parts(b, x)[2], shape)


def fused(g: Graph, context: lib.Context) -> Graph:
    return fuse_inverted(pack_weights(g, context))


def kinds(g: Graph) -> list[str]:
    return [node.op.code for node in fused(g, lib.Context(threads=1)).nodes]


BLOCKS = [Block(), Block(stride=2, outputs=5), Block(add=True), Block(size=5), Block(wide=256, size=5, stride=2)]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_answer_stays(block: Block) -> None:
    x, g = draw(*SHAPE), block.graph()
    for level in range(len(lib.cpu_levels())):
        context = lib.Context(threads=1, levels=(1 << level + 1) - 1)
        apart = run(pack_weights(g, context), [x], context)[0]
        together = fused(g, context)
        assert [node.op.code for node in together.nodes] == ["INVERTED"]
        got = run(together, [x], context)[0]
        np.testing.assert_allclose(got, apart, rtol=0, atol=1e-6 * np.abs(apart).max())
        for threads in (2, 3):
            more = lib.Context(threads=threads, levels=(1 << level + 1) - 1)
            np.testing.assert_array_equal(run(together, [x], more)[0], got)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_as_pytorch(block: Block) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    x, context = draw(*SHAPE), lib.Context(threads=2)
    expand, deep, project = ([torch.from_numpy(a) for a in pair] for pair in block.weights(SHAPE[-1]))
    conv = torch.nn.functional.conv2d
    image = torch.from_numpy(x).permute(0, 3, 1, 2)
    y = conv(image, *expand).clamp(0, 6)
    y = conv(y, *deep, stride=block.stride, padding=block.size // 2, groups=block.wide).clamp(0, 6)
    y = conv(y, *project) + (image if block.residual else 0)
    want = y.permute(0, 2, 3, 1).numpy()
    (got,) = run(fused(block.graph(), context), [x], context)
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-6 * np.abs(want).max())


def test_names_of_all_layers_stay() -> None:
    (node,) = fused(Block().graph(), lib.Context(threads=1)).nodes
    assert node.layer == "l + l + l"


def test_not_where_the_wide_image_fits_a_cache() -> None:
    assert kinds(Block().graph((1, 20, 20, 8))) == ["CONV"] * 3


def test_not_of_an_open_size() -> None:
    assert kinds(Block().graph((1, -1, 47, 8))) == ["CONV"] * 3


def test_not_where_weights_are_large() -> None:
    assert kinds(Block(wide=512, outputs=200).graph()) == ["CONV"] * 3


@pytest.mark.parametrize("which", [0, 1])
def test_not_where_somebody_else_reads_an_image_between(which: int) -> None:
    def write(b: Builder, x: Value) -> tuple[Value, ...]:
        parts = Block().parts(b, x)
        return parts[2], parts[which]

    assert kinds(graph(write, SHAPE)) == ["CONV"] * 3


def test_not_with_weights_that_are_computed() -> None:
    def write(b: Builder, x: Value, w: Value) -> Value:
        wide, _, _ = Block().parts(b, x)
        return b.emit(PIXELWISE, wide, w, b.constant(np.zeros(8, np.float32)))

    assert "INVERTED" not in kinds(graph(write, SHAPE, (8, 96, 1, 1)))


@pytest.mark.parametrize(
    ("part", "change"),
    [("expand", {"kernel": (3, 3)}), ("expand", {"has_residual": True}), ("expand", {"outputs": 95}),
     ("expand", {"layout": 0}), ("expand", {"pads_end": (1, 0)}), ("depthwise", {"groups": 1}),
     ("depthwise", {"strides": (0, 1)}), ("depthwise", {"kernel": (1 << 30, 3)}), ("depthwise", {"transposed": True}),
     ("depthwise", {"pads_begin": (-1, 0)}),
     ("depthwise", {"padding": 3}), ("depthwise", {"dilations": (1 << 20, 1 << 20)}), ("project", {"strides": (2, 2)}),
     ("project", {"outputs": -8}), ("project", {"has_residual": True}), ("project", {"layout": 1 << 28}),
     ("project", {"has_bias": False}), ("project", {"kernel": (1, 1, 1)})],
)  # fmt: skip
def test_strange_attributes_are_refused(part: str, change: dict[str, Any]) -> None:
    context = lib.Context(threads=1)
    g = fused(Block().graph(), context)
    (node,) = g.nodes
    assert isinstance(node.op, Inverted)
    op = replace(node.op, **{part: replace(getattr(node.op, part), **change)})
    with pytest.raises(MLModelError, match=r"^l: "):
        run(replace(g, nodes=(replace(node, op=op, layer="l"),)), [draw(*SHAPE)], context)
