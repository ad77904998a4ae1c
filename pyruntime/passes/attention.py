"""Attention as converters write it, made one operator.

    y = softmax(scale * (q kᵀ), masked) v

Around it stand what gives heads their axis and takes it away: a reshape before, transposes of q, k, v and y.
The operator reads (B, T, heads, width) as well as (B, heads, T, width), so the transposes go; it reads two parts of the
keys and values, so the concatenation of a cache with new rows goes, and the slice that takes a layer out of a cache for
all.  The scores, their softmax and each step between must have one reader only: another one needs them too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.ops import (  # fmt: skip
    Attention,
    Binary,
    BinaryKind,
    Concat,
    MaskKind,
    Matmul,
    Reshape,
    Select,
    Slice,
    Softmax,
    Transpose,
    Unary,
    UnaryKind,
)
from pyruntime.ir.ops.move import LAST, kept
from pyruntime.ir.types import UNKNOWN, DType
from pyruntime.passes.rewrite import Rewriter
from pyruntime.passes.sizes import name_sizes


def fuse_attention(graph: Graph) -> Graph:
    """Two products with a softmax between them as one Attention, with what gives and takes the axis of heads."""
    return _Fuser(graph).run()


@dataclass(frozen=True, slots=True)
class _Scores:
    """What softmax reads: scale * q kᵀ, masked."""

    q: Value
    k: Value  # (…, S, D), or its transpose where `turned`
    turned: bool
    scale: float = 1.0
    mask: MaskKind = MaskKind.NONE
    by: Value | None = None
    fill: float = 0.0


@dataclass(frozen=True, slots=True)
class _Rows:
    """An operand of the operator: where its rows are."""

    value: Value
    inside: bool
    head: int = 0
    batch: int = 0
    scale: float = 1.0


def _swapped(rank: int) -> tuple[int, ...]:
    """The transpose between (…, T, heads, D) and (…, heads, T, D)."""
    return (*range(rank - 3), rank - 2, rank - 3, rank - 1)


class _Fuser:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.rewriter = Rewriter(graph)
        self.uses = graph.uses()
        self.makers = graph.producers()
        self.sizes = name_sizes(graph)
        self.fused: dict[str, int] = {}

    def run(self) -> Graph:
        for node in self.graph.nodes:
            if not (isinstance(node.op, Matmul) and self._fuse(node)) and not self._turn(node):
                self.rewriter.keep(node)
        return self.rewriter.finish()

    def _turn(self, node: Node) -> bool:
        """A transpose that alone reads a fused result: the operator writes in that order."""
        at = self.fused.get(node.inputs[0].name) if isinstance(node.op, Transpose) else None
        if at is None or self.uses[node.inputs[0].name] != 1 or node.op != Transpose(_swapped(node.inputs[0].rank)):
            return False
        fused = self.rewriter.nodes[at]
        assert isinstance(fused.op, Attention)
        self.rewriter.nodes[at] = replace(fused, op=replace(fused.op, y_inside=True), outputs=node.outputs)
        return True

    def _fuse(self, node: Node) -> bool:
        assert isinstance(node.op, Matmul)
        shares, v = node.inputs
        soft = self._alone(shares)
        rank = shares.rank
        if soft is None or soft.op != Softmax(rank - 1) or rank not in (3, 4) or v.rank != rank or node.op != Matmul():
            return False
        scores = self._scores(soft.inputs[0], _Scores(v, v, False))
        lead = self.sizes[shares.name][:-2]
        if scores is None or UNKNOWN in (shares.shape[-3], v.shape[-1]):
            return False
        if any(self.sizes[x.name][:-2] != lead or x.dtype is not DType.F32 for x in (scores.q, scores.k, v)):
            return False
        key = self._unturned(scores)
        if scores.q.shape[-1] < 1 or lead != self.sizes[node.outputs[0].name][:-2] or key is None:
            return False
        self._emit(scores, key, v, node)
        return True

    def _emit(self, scores: _Scores, key: _Rows, v: Value, node: Node) -> None:
        heads = scores.q.shape[-3]
        q, value = self._strip(_Rows(scores.q, False), heads), _Rows(v, False)
        pasts = self._pasts(key, value) if self.uses[scores.k.name] == 1 else None
        if pasts:
            (past_k, k), (past_v, value) = pasts
        else:
            k, value = self._strip(key, heads), self._strip(value, heads)
        op = Attention(heads, scores.scale * q.scale * k.scale, q.inside, k.inside, value.inside)
        op = replace(op, q_head=q.head, k_head=k.head, v_head=value.head, mask=scores.mask, fill=scores.fill)
        inputs = [q.value, k.value, value.value] + ([scores.by] if scores.by else [])
        if pasts:
            op = replace(op, has_past=True, past_inside=past_k.inside)
            op = replace(op, past_k_batch=past_k.batch, past_v_batch=past_v.batch)
            inputs += [past_k.value, past_v.value]
        resolved = tuple(map(self.rewriter.resolve, inputs))
        self.rewriter.nodes.append(Node(op, resolved, node.outputs, node.layer))
        self.fused[node.outputs[0].name] = len(self.rewriter.nodes) - 1

    # what makes the scores, from softmax backwards

    def _alone(self, value: Value) -> Node | None:
        """The node that makes a value with one reader."""
        return self.makers.get(value.name) if self.uses[value.name] == 1 else None

    def _number(self, value: Value) -> float | None:
        array = self.graph.constants.get(value.name)
        return float(array.reshape(())) if array is not None and array.size == 1 else None

    def _scores(self, value: Value, found: _Scores) -> _Scores | None:
        """The product behind `value`; `found` has what stands between it and the softmax so far."""
        maker = self._alone(value)
        if maker is None or maker.outputs[0].rank != value.rank:
            return None
        if isinstance(maker.op, Matmul):
            return self._product(maker, found)
        if isinstance(maker.op, Unary | Binary) and (factor := self._factor(maker)) is not None:
            source = self._source(maker)
            return (
                self._scores(source, replace(found, scale=found.scale * factor)) if self._same(source, value) else None
            )
        if isinstance(maker.op, Binary) and maker.op.kind is BinaryKind.ADD and maker.op.activation.is_identity:
            return self._masked(maker, found, MaskKind.ADD)
        if isinstance(maker.op, Select):
            return self._masked(maker, found, MaskKind.KEEP)
        return None

    def _product(self, maker: Node, found: _Scores) -> _Scores | None:
        assert isinstance(maker.op, Matmul)
        if maker.op.transpose_a:
            return None
        return replace(found, q=maker.inputs[0], k=maker.inputs[1], turned=not maker.op.transpose_b)

    def _same(self, x: Value, y: Value) -> bool:
        return self.sizes[x.name] == self.sizes[y.name]

    def _masked(self, maker: Node, found: _Scores, kind: MaskKind) -> _Scores | None:
        """Scores with a mask added, or chosen by one.  A scale behind the mask would be the mask's too."""
        if found.mask is not MaskKind.NONE or found.scale != 1:
            return None
        *_, x, y = maker.inputs
        for scores, other, chosen in ((x, y, kind), (y, x, MaskKind.DROP if kind is MaskKind.KEEP else kind)):
            fill = self._number(other) if isinstance(maker.op, Select) else 0.0
            mask = maker.inputs[0] if isinstance(maker.op, Select) else other
            if fill is None or mask.dtype is not DType.F32 or not self._same(scores, maker.outputs[0]):
                continue
            result = self._scores(scores, replace(found, mask=chosen, by=mask, fill=fill))
            if result is not None:
                return result
        return None

    def _factor(self, node: Node) -> float | None:
        """c, where the node is x * c."""
        if isinstance(node.op, Unary):
            return node.op.a if node.op.kind is UnaryKind.LINEAR and node.op.b == 0 else None
        if not isinstance(node.op, Binary) or not node.op.activation.is_identity:
            return None
        x, y = (self._number(value) for value in node.inputs)
        if node.op.kind is BinaryKind.MUL:
            return y if x is None else x
        return 1 / y if node.op.kind is BinaryKind.DIV and y else None

    def _source(self, node: Node) -> Value:
        return node.inputs[-1] if self._number(node.inputs[0]) is not None else node.inputs[0]

    # where the rows of an operand are

    def _unturned(self, scores: _Scores) -> _Rows | None:
        """The keys before the transpose that makes them the right side of a product."""
        if not scores.turned:
            return _Rows(scores.k, False)
        maker, rank = self.makers.get(scores.k.name), scores.k.rank
        if maker is None or not isinstance(maker.op, Transpose):
            return None
        axes = (*maker.op.axes[:-2], maker.op.axes[-1], maker.op.axes[-2])
        known = {tuple(range(rank)): False, _swapped(rank): True}
        return _Rows(maker.inputs[0], known[axes]) if axes in known else None

    def _untransposed(self, rows: _Rows) -> _Rows:
        maker = self.makers.get(rows.value.name)
        if maker is None or maker.op != Transpose(_swapped(rows.value.rank)):
            return rows
        return replace(rows, value=maker.inputs[0], inside=not rows.inside)

    def _strip(self, rows: _Rows, heads: int) -> _Rows:
        """Without the transpose, factor and slice that made it."""
        rows = self._scaled(self._untransposed(rows))
        return self._part(rows, heads) if rows.inside and rows.value.rank == 4 else rows

    def _scaled(self, rows: _Rows) -> _Rows:
        """Without a factor on the whole operand, before or behind the reshape that made it."""
        maker = self._alone(rows.value)
        reshape = maker if maker is not None and isinstance(maker.op, Reshape) else None
        maker = self._alone(reshape.inputs[0]) if reshape else maker
        factor = self._factor(maker) if maker else None
        if maker is None or factor is None or not self._same(self._source(maker), maker.outputs[0]):
            return rows
        value = self._source(maker)
        if reshape:
            value = self.rewriter.emit(reshape.op, (self.rewriter.resolve(value),), reshape.layer)
        return replace(rows, value=value, scale=factor)

    def _part(self, rows: _Rows, heads: int) -> _Rows:
        """Heads that a slice takes from a longer row (B, T, C): the row as heads, and the number of the first one."""
        reshape = self.makers.get(rows.value.name)
        cut = self.makers.get(reshape.inputs[0].name) if reshape and isinstance(reshape.op, Reshape) else None
        if cut is None or not isinstance(cut.op, Slice) or cut.inputs[0].rank != 3:
            return rows
        row, width, size = cut.inputs[0], rows.value.shape[-1], cut.inputs[0].shape[-1]
        begin, end = cut.op.begin[-1], min(cut.op.end[-1], size)
        whole = (cut.op.begin[:2], cut.op.end[:2], cut.op.stride) == ((0, 0), (LAST, LAST), (1, 1, 1))
        if not whole or begin < 0 or end - begin != heads * width or size % width or begin % width:
            return rows
        if self.sizes[rows.value.name][:2] != self.sizes[row.name][:2]:
            return rows
        shape = (*(n if n > 0 else kept(axis) for axis, n in enumerate(row.shape[:2])), size // width, width)
        view = self.rewriter.emit(Reshape(shape), (self.rewriter.resolve(row),), cut.layer)
        return replace(rows, value=view, head=begin // width)

    # a cache and the rows behind it

    def _pasts(self, k: _Rows, v: _Rows) -> tuple[tuple[_Rows, _Rows], tuple[_Rows, _Rows]] | None:
        """Cache and new rows of keys and of values, where both have one of the same length and order of axes."""
        keys, values = self._past(k), self._past(v)
        if keys is None or values is None or keys[0].inside != values[0].inside:
            return None
        rows = -3 if keys[0].inside else -2
        same = self.sizes[keys[0].value.name][rows] == self.sizes[values[0].value.name][rows]
        return tuple((self._batch(past), new) for past, new in (keys, values)) if same else None  # type: ignore[return-value]

    def _past(self, rows: _Rows) -> tuple[_Rows, _Rows] | None:
        """The two parts of a concatenation that nobody else reads."""
        maker, rank = self._alone(rows.value), rows.value.rank
        if maker is not None and maker.op == Transpose(_swapped(rank)):
            rows = self._untransposed(rows)
            maker = self._alone(rows.value)
        if maker is None or maker.op != Concat(rank - 3 if rows.inside else rank - 2) or len(maker.inputs) != 2:
            return None
        past, new = (self._untransposed(_Rows(value, rows.inside)) for value in maker.inputs)
        return past, new

    def _batch(self, past: _Rows) -> _Rows:
        """Entries that a slice takes along the first axis: the whole, and the number of the first one."""
        cut = self.makers.get(past.value.name)
        if cut is None or not isinstance(cut.op, Slice) or past.value.rank != 4:
            return past
        source, axes = cut.inputs[0], range(1, 4)
        begin, end = cut.op.begin[0], min(cut.op.end[0], source.shape[0])
        whole = all(cut.op.begin[i] == 0 and cut.op.end[i] >= source.shape[i] for i in axes) and set(cut.op.stride) == {
            1
        }
        if not whole or UNKNOWN in source.shape or begin < 0 or end - begin != past.value.shape[0]:
            return past
        return replace(past, value=source, batch=begin)
