"""Matrices, tables, products; softmax and layer normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .rows import Chooser, need, row
from .rows_image import image, kernel_weights


@row("innerProduct", rounds=True)
def _inner_product(g: Chooser) -> Any:
    x = image(g, 1)
    flat = x.rank >= 4
    inputs, outputs = int(np.prod(x.shape[-3:])) if flat else x.shape[-1], g.int(1, 5)
    w = kernel_weights(g, x, outputs, inputs)
    b = np.zeros(outputs) if g.flag() else g.array(outputs)
    fields = {"hasBias": True, "bias": g.weights(b)} if b.any() else {}

    def formula(v: np.ndarray) -> np.ndarray:
        cells = v.reshape(*v.shape[:-3], -1) if flat else v
        need(cells.shape[-1] == inputs)
        y = cells @ w.T + b
        return y[..., None, None] if flat else y

    return g.add([x], formula, inputChannels=inputs, outputChannels=outputs, weights=g.weights(w), **fields)


@row("embedding", "embeddingND", rounds=True)
def _embedding(g: Chooser) -> Any:
    """Indices of an input or a constant, or whole numbers inside the table that the network has made."""
    tail = 3 if g.kind == "embedding" else 1
    count, outputs = g.int(2, 6), g.int(1, 4)
    lead = (g.int(1, 3), g.int(1, 2)) if g.legacy or g.flag() else (g.int(1, 3),)
    shape = (*lead, *[1] * tail) if tail == 3 or g.flag() else (*lead, 1)
    x = g.net.input(g.wholes(shape, 0, count - 1), whole=True, kept=True)
    table, b = g.array(outputs, count), g.array(outputs) if g.flag() else np.zeros(outputs)
    if g.flag():
        table, b = np.round(table), np.round(b)

    def formula(v: np.ndarray) -> np.ndarray:
        y = table.T[v.reshape(v.shape[:-tail]).astype(int)] + b
        return y[..., None, None] if tail == 3 else y

    fields = {"hasBias": True, "bias": g.weights(b), "weights": g.weights(table)}
    if tail == 3:
        return g.add([x], formula, inputDim=count, outputChannels=outputs, **fields)
    return g.add([x], formula, vocabSize=count, embeddingSize=outputs, **fields)


@row("batchedMatmul", rounds=True)
def _matmul(g: Chooser) -> Any:
    x = image(g, 1)
    if g.flag():
        inputs, outputs = x.shape[-1], g.int(1, 5)
        w = kernel_weights(g, x, outputs, inputs)
        b = g.array(outputs) if g.flag() else np.zeros(outputs)

        def dense(v: np.ndarray) -> np.ndarray:
            need(v.shape[-1] == inputs)
            return v @ w.T + b

        return g.add([x], dense, weightMatrixFirstDimension=inputs, weightMatrixSecondDimension=outputs,
                     weights=g.weights(w), hasBias=True, bias=g.weights(b))  # fmt: skip
    ta, tb = (x.rank > 1 and g.flag()), g.flag()
    inner = x.shape[-2] if ta else x.shape[-1]
    size = (g.int(1, 4), inner) if tb else (inner, g.int(1, 4))
    shape = (*[n if g.flag() else 1 for n in x.shape[:-2]], *size) if g.flag() else size
    if not tb and g.random.random() < 0.2:
        shape = (inner,)
    y = g.operand(g.wholes(shape, -2, 2) if x.whole else g.array(*shape))

    def product(v: np.ndarray, u: np.ndarray) -> np.ndarray:
        v = v[None] if v.ndim == 1 else v.swapaxes(-1, -2) if ta else v
        u = u[:, None] if u.ndim == 1 else u.swapaxes(-1, -2) if tb else u
        return v @ u

    return g.add([x, y], product, transposeA=ta, transposeB=tb)


@row("dot", always=True)
def _dot(g: Chooser) -> Any:
    x = g.float(3)
    x = g.blob(3, where=lambda v: v.shape[-2:] == (1, 1) and not v.whole) if x.shape[-2:] != (1, 1) else x
    y = g.blob(x.rank, x.rank, where=lambda v: v.shape == x.shape and not v.whole)
    cosine = g.flag()
    need(not cosine or min(np.abs(v.value).sum(-3).min() for v in (x, y)) > 0.1)

    def formula(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        need(a.shape == b.shape)
        lengths = np.sqrt((a * a).sum(-3, keepdims=True) * (b * b).sum(-3, keepdims=True)) if cosine else 1.0
        return (a * b).sum(-3, keepdims=True) / lengths

    return g.add([x, y], formula, cosineSimilarity=cosine)


@row("softmaxND", always=True)
def _softmax(g: Chooser) -> Any:
    x = g.float()
    axis = g.axis(x)
    return g.add([x], lambda v: np.exp(v) / np.exp(v).sum(axis, keepdims=True), axis=g.signed(axis, x.rank))


@row("layerNormalization", always=True)
def _layer_norm(g: Chooser) -> Any:
    x = g.float()
    need(x.value.size)
    shape = x.shape[g.int(0, x.rank - 1) :]
    axes = tuple(range(-len(shape), 0))
    gamma, beta, eps = g.array(*shape), g.array(*shape), float(np.float32(0.01))

    def formula(v: np.ndarray) -> np.ndarray:
        need(v.shape[-len(shape) :] == shape)
        y = (v - v.mean(axes, keepdims=True)) / np.sqrt(v.var(axes, keepdims=True) + eps)
        return gamma * y + beta

    return g.add([x], formula, normalizedShape=shape, eps=eps, gamma=g.weights(gamma), beta=g.weights(beta))
