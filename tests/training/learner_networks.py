"""More updatable networks of layers that learn beyond Core ML: attention, images, volumes, tables, normalisation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pyruntime.spec import messages

from ..layers.network import array, layer
from .learners import F, Network, Parameters, learns, torch, w
from .networks import convolution, dense, updatable, values

WORDS, TOKENS, WIDTH, HEADS = 11, 5, 8, 2


def _linear(name: str, source: str, result: str, outputs: int = WIDTH, inputs: int = WIDTH) -> Any:
    seed = sum(name.encode())
    one = layer(
        "batchedMatmul", source, result, name, weightMatrixFirstDimension=inputs, weightMatrixSecondDimension=outputs,
        hasBias=True, weights=w(outputs, inputs, seed=seed), bias=w(outputs, seed=seed + 1),
    )  # fmt: skip
    return learns(one)


def _norm(name: str, source: str, result: str) -> Any:
    seed = sum(name.encode())
    one = layer(
        "layerNormalization", source, result, name, normalizedShape=[WIDTH], eps=1e-5,
        gamma=w(WIDTH, seed=seed, scale=1.0), beta=w(WIDTH, seed=seed + 1),
    )  # fmt: skip
    return learns(one)


def _heads(source: str, result: str, axes: tuple[int, ...]) -> list[Any]:
    """(1, T, D) -> (1, heads, T, D / heads), or with its last axes exchanged."""
    cut = layer(
        "reshapeStatic", source, f"{source}_cut", f"cut {source}", targetShape=[1, TOKENS, HEADS, WIDTH // HEADS]
    )
    return [cut, layer("transpose", f"{source}_cut", result, f"turn {source}", axes=axes)]


def transformer() -> Network:
    """An embedding with learned positions, one block of attention with two heads, and a dense head.

    The blobs have the batch of 1 that converters leave in the file; all weights learn.
    """
    table = layer(
        "embeddingND", "x", "e", "words", vocabSize=WORDS, embeddingSize=WIDTH, hasBias=True,
        weights=w(WIDTH, WORDS, seed=1), bias=w(WIDTH, seed=2),
    )  # fmt: skip
    positions = layer(
        "loadConstantND", "", "where", "positions", shape=[1, TOKENS, WIDTH], data=w(1, TOKENS, WIDTH, seed=3)
    )
    layers = [
        learns(table),
        learns(positions),
        layer("addBroadcastable", "e where", "a"),
        _norm("first norm", "a", "n"),
        *(_linear(name, "n", name) for name in ("q", "k", "v")),
        *_heads("q", "qh", (0, 2, 1, 3)),
        *_heads("k", "kh", (0, 2, 1, 3)),
        *_heads("v", "vh", (0, 2, 1, 3)),
        layer("batchedMatmul", "qh kh", "s", "scores", transposeB=True),
        layer("multiply", "s", "scaled", "scale", alpha=(WIDTH // HEADS) ** -0.5),
        layer("softmaxND", "scaled", "p", "share", axis=-1),
        layer("batchedMatmul", "p vh", "o", "mix"),
        layer("transpose", "o", "ot", "turn back", axes=(0, 2, 1, 3)),
        layer("reshapeStatic", "ot", "oc", "join", targetShape=[1, TOKENS, WIDTH]),
        _linear("out", "oc", "proj"),
        layer("addBroadcastable", "a proj", "r", "rest"),
        _norm("second norm", "r", "m"),
        _linear("up", "m", "u", 12),
        layer("gelu", "u", "g", "gelu"),
        _linear("down", "g", "d", WIDTH, 12),
        layer("addBroadcastable", "r d", "rr", "second rest"),
        layer("reduceMean", "rr", "mean", "pool", axes=[1], keepDims=False),
        dense("head", "mean", "y", WIDTH, 3),
    ]

    def function(p: Parameters, x: Any) -> Any:
        batch = len(x)
        a = p("words:weights", WIDTH, WORDS).T[x.reshape(batch, TOKENS).long()] + p("words:bias", WIDTH)
        a = a + p("positions:data", 1, TOKENS, WIDTH)

        def norm(name: str, v: Any) -> Any:
            return F.layer_norm(v, (WIDTH,), p(f"{name}:gamma", WIDTH), p(f"{name}:beta", WIDTH), 1e-5)

        def linear(name: str, v: Any, outputs: int = WIDTH) -> Any:
            return F.linear(v, p(f"{name}:weights", outputs, v.shape[-1]), p(f"{name}:bias", outputs))

        n = norm("first norm", a)
        q, k, v = (
            linear(name, n).reshape(batch, TOKENS, HEADS, WIDTH // HEADS).transpose(1, 2) for name in ("q", "k", "v")
        )
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, TOKENS, WIDTH)
        r = a + linear("out", mixed)
        r = r + linear("down", F.gelu(linear("up", norm("second norm", r), 12)))
        return linear("head", r.mean(1), 3)

    return Network(layers, (1, TOKENS, 1), (1, 3), function, whole=WORDS, rate=0.005, flat=("k:bias",))


def embedding() -> Network:
    """The legacy one."""
    table = layer("embedding", "x", "e", "table", inputDim=WORDS, outputChannels=6, weights=w(6, WORDS, seed=1))
    return Network(
        [learns(table), layer("flatten", "e", "f", "flat"), dense("head", "f", "y", 6, 2)],
        (1,),
        (2,),
        lambda p, x: F.linear(
            p("table:weights", 6, WORDS).T[x.long().reshape(-1)], p("head:weights", 2, 6), p("head:bias", 2)
        ),
        exact=False,
        whole=WORDS,
    )


def image(*, exact: bool) -> Network:
    """Depthwise convolution, batch normalisation with the file's statistics, PReLU, scale, bias, softplus."""
    statistics = {"mean": w(4, seed=5), "variance": w(4, seed=6)}
    for i in range(4):
        statistics["variance"].floatValue[i] = 0.5 + 0.1 * i
    norm = layer(
        "batchnorm",
        "c",
        "n",
        "norm",
        channels=4,
        gamma=w(4, seed=7, scale=1.0),
        beta=w(4, seed=8),
        epsilon=1e-3,
        **statistics,
    )
    prelu = layer("activation", "n", "p", "prelu", PReLU={"alpha": w(4, seed=9)})
    scale = layer(
        "scale", "p", "s", "scale", scale=w(4, seed=10), shapeScale=[4], bias=w(1, seed=11), shapeBias=[1], hasBias=True
    )
    bias = layer("bias", "s", "b", "bias", bias=w(4, 4, 4, seed=12), shape=[4, 4, 4])
    plus = layer(
        "activation", "b", "q", "plus",
        parametricSoftplus={"alpha": w(4, seed=13, scale=1.0), "beta": w(4, seed=14, scale=1.0)},
    )  # fmt: skip
    layers = [
        convolution("c", "x", "c", 4, 4, groups=4),
        learns(norm, "gamma", "beta"),
        learns(prelu),
        learns(scale),
        learns(bias),
        learns(plus),
        layer("flatten", "q", "f", "flat") if not exact else layer("flattenTo2D", "q", "f", "flat", axis=1),
        dense("head", "f", "y", 64, 2),
    ]

    def function(p: Parameters, x: Any) -> Any:
        y = F.conv2d(x.reshape(len(x), 4, 6, 6), p("c:weights", 4, 1, 3, 3), p("c:bias", 4), groups=4)
        mean, variance = p("norm:mean", 4), p("norm:variance", 4)
        y = F.batch_norm(y, mean, variance, p("norm:gamma", 4), p("norm:beta", 4), False, 0, 1e-3)
        y = F.prelu(y, p("prelu:PReLU.alpha", 4))
        y = y * p("scale:scale", 4, 1, 1) + p("scale:bias", 1) + p("bias:bias", 4, 4, 4)
        alpha = p("plus:parametricSoftplus.alpha", 4, 1, 1)
        y = alpha * torch.log1p(torch.exp(p("plus:parametricSoftplus.beta", 4, 1, 1) * y))
        return F.linear(y.flatten(1), p("head:weights", 2, 64), p("head:bias", 2))

    lead = (1,) if exact else ()
    return Network(layers, (*lead, 4, 6, 6), (*lead, 2), function, exact, rate=0.01)


def volume() -> Network:
    """Convolution and pooling of volumes, all learning."""
    one = layer(
        "convolution3d", "x", "c", "conv", outputChannels=4, inputChannels=2, nGroups=1, kernelDepth=2, kernelHeight=3,
        kernelWidth=2, strideDepth=1, strideHeight=1, strideWidth=1, dilationDepth=1, dilationHeight=1, dilationWidth=1,
        hasBias=True, paddingType=2, weights=w(4, 2, 2, 3, 2, seed=1), bias=w(4, seed=2),
    )  # fmt: skip
    pool = layer(
        "pooling3d", "c", "p", "pool", type=0, kernelDepth=2, kernelHeight=2, kernelWidth=2, strideDepth=2,
        strideHeight=2, strideWidth=2, paddingType=1,
    )  # fmt: skip
    layers = [
        learns(one),
        pool,
        layer("globalPooling3d", "p", "g", "mean", type=1),
        layer("reshapeStatic", "g", "f", "flat", targetShape=[1, 4]),
        dense("head", "f", "y", 4, 2),
    ]

    def function(p: Parameters, x: Any) -> Any:
        padded = F.pad(x.reshape(len(x), 2, 4, 5, 6), (0, 1, 1, 1, 0, 1))
        y = F.max_pool3d(F.conv3d(padded, p("conv:weights", 4, 2, 2, 3, 2), p("conv:bias", 4)), 2)
        return F.linear(y.mean((2, 3, 4)), p("head:weights", 2, 4), p("head:bias", 2))

    return Network(layers, (1, 2, 4, 5, 6), (1, 2), function, rate=0.1)


def enlarged() -> Network:
    """A transposed convolution behind an enlarged image: the way of a decoder."""
    up = layer(
        "convolution", "u", "d", "up", outputChannels=4, kernelChannels=3, nGroups=1, isDeconvolution=True,
        hasBias=True, kernelSize=[3, 3], stride=[2, 2], valid={}, weights=w(3, 4, 3, 3, seed=1), bias=w(4, seed=2),
    )  # fmt: skip
    layers = [
        convolution("c", "x", "c", 2, 3),
        layer("upsample", "c", "u", "wide", scalingFactor=[2, 2], mode=1),
        learns(up),
        layer("flatten", "d", "f", "flat"),
        dense("head", "f", "y", 4 * 17 * 17, 2),
    ]

    def function(p: Parameters, x: Any) -> Any:
        y = F.conv2d(x, p("c:weights", 3, 2, 3, 3), p("c:bias", 3))
        at = torch.arange(8, dtype=torch.float64) / 2
        low, part = at.long(), at - at.long()
        high = (low + 1).clamp(max=3)
        y = y[..., low, :] * (1 - part)[:, None] + y[..., high, :] * part[:, None]
        y = y[..., low] * (1 - part) + y[..., high] * part
        y = F.conv_transpose2d(y, p("up:weights", 3, 4, 3, 3), p("up:bias", 4), 2)
        return F.linear(y.flatten(1), p("head:weights", 2, 4 * 17 * 17), p("head:bias", 2))

    return Network(layers, (2, 6, 6), (2,), function, exact=False, rate=0.0001)


class Normalized(NamedTuple):
    """spec(size, epochs), examples, function(p, x, norm)."""

    spec: Any
    x: np.ndarray
    y: np.ndarray
    function: Any


def normalized(*, exact: bool) -> Normalized:
    """A convolution, and batch normalisation whose four weights are all marked."""
    norm = layer(
        "batchnorm", "c", "n", "norm", channels=3, epsilon=1e-3, gamma=w(3, seed=7, scale=1.0), beta=w(3, seed=8),
        mean=w(3, seed=5), variance=messages.WeightParams(floatValue=[0.5, 1.0, 2.0]),
    )  # fmt: skip
    flat = layer("flattenTo2D", "n", "f", "flat", axis=1) if exact else layer("flatten", "n", "f", "flat")
    layers = [convolution("c", "x", "c", 2, 3), learns(norm), flat, dense("head", "f", "y", 48, 2)]
    lead = (1,) if exact else ()

    def spec(size: int, epochs: int) -> Any:
        target = array("y_true", (*lead, 2))
        return updatable(
            {"x": (*lead, 2, 6, 6)}, layers, exact=exact, target=target, size=size, epochs=epochs, rate=0.05
        )

    def function(p: Parameters, x: Any, module: Any) -> Any:
        y = module(F.conv2d(x.reshape(len(x), 2, 6, 6), p("c:weights", 3, 2, 3, 3), p("c:bias", 3)))
        return F.linear(y.flatten(1), p("head:weights", 2, 48), p("head:bias", 2))

    return Normalized(spec, values(9, *lead, 2, 6, 6, seed=3, scale=1.0), values(9, *lead, 2, seed=4), function)
