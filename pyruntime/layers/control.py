"""Control flow: copy, branch, loop, loopBreak, loopContinue, as regions in place of shared names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from pyruntime.ir.control import If
from pyruntime.ir.graph import Value
from pyruntime.ir.types import UNKNOWN, is_known
from pyruntime.layers.axes import slice_axis
from pyruntime.layers.builder import Builder
from pyruntime.layers.loops import lower_loop
from pyruntime.layers.regions import blank, close, emit_regions, flag, same_type
from pyruntime.layers.registry import layer
from pyruntime.layers.scope import BREAK, CONTINUE, DEEPEST, Blob, Later, Mixed, Scope, lower_layers

NEAR_ZERO = 1e-6
"""A condition nearer to 0 than this is false."""

Block = Callable[[Builder], None]


@layer("copy")
def copy(_p: Any, x: Value, _b: Builder) -> Value:
    """The input under another name, which may be taken.  CopyLayerParams."""
    return x


@layer("branch")
def branch(p: Any, condition: Value, b: Builder) -> tuple[Value, ...]:
    """ifBranch where the number is farther from 0 than 1e-6, else elseBranch, which may be missing.  BranchLayerParams.

    What a branch makes exists afterwards if it ran.  Of several numbers the first decides, as in coremltools' tests.
    """
    _check_depth(b)
    if not p.HasField("ifBranch"):
        raise b.invalid("ifBranch", expected="a network", got="none")
    if is_known(condition.shape) and math.prod(condition.shape) > 1:
        condition = slice_axis(b.reshape(condition, UNKNOWN), 0, 0, 1, 1, b)
    _check_number(condition, "its input", b)
    blocks = (p.ifBranch.layers, p.elseBranch.layers)
    known = b.constants.get(condition.name)
    path = b.scope.path
    if known is not None:
        _inline(blocks[0 if abs(float(known.reshape(-1)[0])) > NEAR_ZERO else 1], b)
    else:
        _either(condition, [_block(layers, (*path, i)) for i, layers in enumerate(blocks)], b)
    return ()


@layer("loop", inputs=(0, 1))
def loop(p: Any, *inputs_and_builder: Any) -> tuple[Value, ...]:
    """bodyNetwork again and again, until a limit, a condition, or a loopBreak ends it.  LoopLayerParams.

    Limit: the input if there is one (0: no iteration), else maxLoopIterations (0: none, where there is a condition).
    conditionNetwork runs before the first and after each iteration and makes conditionVar.
    """
    *inputs, b = inputs_and_builder
    _check_depth(b)
    if inputs:
        _check_number(inputs[0], "its input", b)
    lower_loop(p, inputs[0] if inputs else None, b)
    return ()


@layer("loopBreak", inputs=0)
def loop_break(_p: Any, b: Builder) -> tuple[Value, ...]:
    """Ends the innermost loop around it; what the iteration made so far stays.  LoopBreakLayerParams."""
    return _leave(BREAK, b)


@layer("loopContinue", inputs=0)
def loop_continue(_p: Any, b: Builder) -> tuple[Value, ...]:
    """Ends the iteration: the condition is next, and the iteration counts.  LoopContinueLayerParams."""
    return _leave(CONTINUE, b)


def _leave(how: int, b: Builder) -> tuple[Value, ...]:
    if not b.scope.in_loop:
        raise b.invalid("its place", expected="the body of a loop, or a branch in it", got="outside of every loop")
    b.scope.left = how
    return ()


def _check_depth(b: Builder) -> None:
    if len(b.scope.path) > 2 * DEEPEST:
        raise b.unsupported(f"branches and loops are nested more than {DEEPEST} deep")


def _check_number(x: Value, what: str, b: Builder) -> None:
    if any(size not in (1, -1) for size in x.shape):
        raise b.invalid(what, expected="one number", got=f"shape {list(x.shape)}")


def _block(layers: Sequence[Any], path: tuple[int, ...]) -> Block:
    def lower(inner: Builder) -> None:
        inner.scope.path = path
        lower_layers(layers, inner)

    return lower


def _inline(layers: Sequence[Any], b: Builder) -> None:
    """A branch whose condition the file decides: its layers as if they stood here."""
    outer = b.scope
    b.scope = outer.inner()
    b.scope.path = (*outer.path, 0)
    lower_layers(layers, b)
    inner, b.scope = b.scope, outer
    outer.names, outer.read, outer.left = inner.names, inner.read, inner.left
    outer.sure |= inner.sure


def unless_left(rest: Block, b: Builder) -> None:
    """`rest` of a block, where a prediction decides whether a break or continue before it has left the block."""
    outer = b.scope
    assert isinstance(outer.left, Value)

    def stay(inner: Builder) -> None:
        inner.scope.left = outer.left

    def go_on(inner: Builder) -> None:
        for name in outer.sure:
            blob = inner.scope.names[name]
            assert isinstance(blob, Blob)
            inner.scope.names[name] = Blob(blob.value)
        inner.scope.own = outer.own
        rest(inner)

    _either(outer.left, [stay, go_on], b, gone=(True, False))


def _either(condition: Value, blocks: Sequence[Block], b: Builder, gone: tuple[bool, bool] = (False, False)) -> None:
    """One block or the other; afterwards the scope says what is known of both.

    gone: whether a block is certain to end with the block around it left.
    """
    where = b.layer, b.kind
    inner = [b.child() for _ in blocks]
    for block, region in zip(blocks, inner, strict=True):
        block(region)
    b.layer, b.kind = where
    outer = b.scope
    ends = [region.scope for region in inner]
    names = [n for n in dict.fromkeys(n for end in ends for n in end.names) if _changed(n, ends, outer)]
    results: list[list[Value]] = [[] for _ in inner]
    like: list[tuple[Value, tuple[int, ...]]] = []
    bound: list[tuple[str, Blob | Mixed | Later, bool]] = []
    for name in names:
        found = [end.names.get(name) for end in ends]
        blobs = [blob for blob in found if isinstance(blob, Blob)]
        odd = next((blob for blob in found if isinstance(blob, Mixed)), None)
        shape = odd or (same_type(blobs, name) if blobs else next(blob for blob in found if blob is not None))
        if not isinstance(shape, tuple):
            bound.append((name, shape, False))
            continue
        certain = all(isinstance(blob, Blob) and blob.made is None for blob in found)
        for region, blob, values in zip(inner, found, results, strict=True):
            values.append(blob.value if isinstance(blob, Blob) else blank(blobs[0].value, shape, region))
            if not certain:
                values.append(flag(blob, region))
        like.append((blobs[0].value, shape))
        if not certain:
            like.append((results[0][-1], (1,)))
        bound.append((name, Blob(blobs[0].value, None if certain else results[0][-1]), not certain))
    lefts = [end.left for end in ends]
    decides = any(isinstance(left, Value) for left in lefts) or lefts[0] != lefts[1]
    if decides:
        for region, left, values in zip(inner, lefts, results, strict=True):
            values.append(region.constant(float(left)) if isinstance(left, int) else left)
        like.append((results[0][-1], (1,)))
    if like:
        graphs, read = close(list(zip(inner, results, strict=True)))
        made = list(emit_regions(If(), (condition, *read), graphs, like, b))
    sure = {name for name in names if all(out or _is_sure(name, end) for end, out in zip(ends, gone, strict=True))}
    kept = {name for name in outer.sure if name not in names}
    for name, blob, has_flag in bound:
        if isinstance(blob, Blob):
            value = made.pop(0)
            blob = Blob(value, made.pop(0) if has_flag else None)
        outer.bind(name, blob)
    outer.left = made.pop(0) if decides else lefts[0]
    outer.sure = kept | {name for name in sure if isinstance(outer.names[name], Blob)}


def _changed(name: str, ends: Sequence[Scope], outer: Scope) -> bool:
    before = outer.names.get(name)
    return any(_standing(end.names.get(name), name, outer) != before for end in ends)


def _standing(blob: Blob | Mixed | Later | None, name: str, outer: Scope) -> Blob | Mixed | Later | None:
    """A blob whose `made` was dropped because the block goes on is still the one of the block around it."""
    before = outer.names.get(name)
    if isinstance(blob, Blob) and isinstance(before, Blob) and blob.value == before.value and name in outer.sure:
        return before
    return blob


def _is_sure(name: str, end: Scope) -> bool:
    """Whether the name is there where this block goes on to its end."""
    if isinstance(end.left, int) and end.left:
        return True
    blob = end.names.get(name)
    return isinstance(blob, Blob) and (blob.made is None or name in end.sure)
