"""Handles, shape rules, errors: the only module that speaks to the C library.

`check` is the only line that knows both C's codes and Python's exceptions.
"""

from __future__ import annotations

import math
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from pyruntime.errors import FeatureTypeError, MLModelError, SpecError, UnsupportedError
from pyruntime.ir.types import Array, DType, Shape, dtype_of, is_known

try:
    from pyruntime.native._native import ffi
    from pyruntime.native._native import lib as _c
except ModuleNotFoundError as error:
    raise ImportError(
        f"the C library of pyruntime is not built ({error}): in a checkout run `make`, elsewhere install it again"
    ) from None

if TYPE_CHECKING:  # a compiled model runs without the graph
    from pyruntime.ir.graph import Value
    from pyruntime.ir.op import Op

    Operand = tuple[Value, Array | None]

MAX_RANK = 8
ALIGNMENT = 64
ALL_LEVELS = 0xFFFFFFFF
_VIEW = struct.Struct("@Pii8q")
_PAGES_FROM = 1 << 20  # bytes

AnyOp = TypeVar("AnyOp", bound="Op")


class _Message:
    """Room for C's sentence."""

    def __init__(self) -> None:
        self.struct = ffi.new("pr_message *")

    def check(self, status: int, misfit: type[MLModelError] = SpecError) -> None:
        """Raise what `status` stands for.  misfit: the error for shapes that do not fit; while a model is loaded
        they are the file's, afterwards those of features or of numbers in them."""
        if status == _c.PR_OK:
            return
        if status == _c.PR_CUSTOM and failed.error is not None:
            error, failed.error = failed.error, None
            raise error
        text = ffi.string(self.struct.text).decode("utf-8", "replace")
        raise misfit(text) if status == _c.PR_BAD_SHAPE else _EXCEPTIONS.get(status, MLModelError)(text)


class _Failed(threading.local):
    """What a Python function raised that C had called on this thread."""

    error: BaseException | None = None


failed = _Failed()


def _raised(_: object, error: BaseException, trace: object) -> None:
    failed.error = error


@ffi.def_extern(error=_c.PR_CUSTOM, onerror=_raised)  # type: ignore[untyped-decorator]
def pr_pause_python(_: Any) -> int:
    """Called by C in loops: Python gets to the signals that came meanwhile, and their handlers may raise."""
    for _ in range(2):
        pass
    return int(_c.PR_OK)


class NoMemory(MLModelError, MemoryError):
    """The system or a limit refused memory; the message has both numbers."""


_EXCEPTIONS: dict[int, type[Exception]] = {
    _c.PR_NO_MEMORY: NoMemory,
    _c.PR_BAD_PLAN: SpecError,
    _c.PR_BAD_VALUE: MLModelError,
    _c.PR_UNSUPPORTED: UnsupportedError,
    _c.PR_SYSTEM: MLModelError,
}


def levels() -> tuple[str, ...]:
    """Names of the instruction-set levels of this build, oldest first."""
    names: list[str] = []
    while (name := _c.pr_level_name(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode())
    return tuple(names)


def cpu_levels() -> tuple[str, ...]:
    """The levels that the running CPU has."""
    bits = _c.pr_cpu_levels()
    return tuple(name for i, name in enumerate(levels()) if bits >> i & 1)


class Operator(NamedTuple):
    """A row of csrc/ops/ops.def."""

    number: int
    attr_bytes: int
    flags: int

    @property
    def reads_data(self) -> bool:
        """The shape rule looks at the numbers of its inputs."""
        return bool(self.flags & _c.PR_OP_SHAPE_FROM_DATA)

    @property
    def is_pure(self) -> bool:
        """The same inputs give the same results."""
        return not self.flags & _c.PR_OP_IMPURE


@lru_cache(maxsize=1)
def operators() -> dict[str, Operator]:
    """What C says about every operator of this build, by name."""
    table: dict[str, Operator] = {}
    while (name := _c.pr_op_name(len(table))) != ffi.NULL:
        number = len(table)
        table[ffi.string(name).decode()] = Operator(number, _c.pr_op_attr_bytes(number), _c.pr_op_flags(number))
    return table


class Context:
    """Chosen kernels and a thread pool.  levels: bits in the order of `levels()`; threads: 0 for one per core.

    weights: whether compiling for it keeps small weights small, as MLModelConfiguration says.
    """

    def __init__(self, *, threads: int = 0, levels: int = ALL_LEVELS, weights: str = "expanded") -> None:
        self.weights = weights
        message = _Message()
        handle = ffi.new("pr_context **")
        message.check(_c.pr_context_open(levels, threads, handle, message.struct))
        self.handle = ffi.gc(handle[0], _c.pr_context_close)
        _c.pr_context_pause(self.handle, _c.pr_pause_python)

    @property
    def threads(self) -> int:
        return int(_c.pr_context_threads(self.handle))

    @property
    def levels(self) -> tuple[str, ...]:
        bits = _c.pr_context_levels(self.handle)
        return tuple(name for i, name in enumerate(levels()) if bits >> i & 1)

    @property
    def level(self) -> str:
        """The newest level in use: packed weights are made for it."""
        return self.levels[-1]


@lru_cache(maxsize=1)
def shapes_context() -> Context:
    """For shape rules and folding, which need no threads."""
    return Context(threads=1)


def readable(array: Any) -> Array:
    """`array`, or a copy where C could not read it as it lies: a weight in a file may begin at any byte."""
    if isinstance(array, np.ndarray) and array.flags.c_contiguous and array.flags.aligned:
        return array
    required: Array = np.require(array, requirements=("C", "A"))
    return required


def _views(tensors: Sequence[tuple[DType, Shape, Array | None]]) -> tuple[Any, list[object]]:
    """C views, and what must stay alive beside them."""
    views = ffi.new("pr_view[]", max(len(tensors), 1))
    keep: list[object] = []
    packed = bytearray()
    for dtype, shape, data in tensors:
        pointer = 0
        if data is not None:
            array = readable(data)
            keep.append(array)
            pointer = array.ctypes.data
        packed += _VIEW.pack(pointer, dtype, len(shape), *shape, *[0] * (MAX_RANK - len(shape)))
    ffi.memmove(views, bytes(packed), len(packed))
    return views, keep


def _room(shape: Shape, dtype: np.dtype[Any]) -> Array:
    """An array for a result."""
    try:
        return np.empty(shape, dtype)
    except MemoryError as error:
        raise NoMemory(f"the system refused memory for a result of shape {list(shape)}: {error}") from None


def _apart(shape: Shape, dtype: np.dtype[Any]) -> Array:
    """An array for packed weights: a large one in pages of its own, which the system has back when it goes."""
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < _PAGES_FROM:
        return np.empty(shape, dtype)
    import mmap

    pages = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype).reshape(shape)


def _shape(view: Any) -> tuple[DType, Shape]:
    return DType(view.dtype), tuple(view.shape[0 : view.rank])


def infer(op: Op, layer: str, operands: Sequence[Operand], outputs: int) -> list[tuple[DType, Shape]]:
    """The shape rule of `op`.  Raises SpecError naming `layer` when operands or attributes do not fit."""
    if op.code == "CUSTOM":  # its rule is the user's code
        return _infer(op, layer, operands, outputs)
    types = tuple((value.dtype, value.shape) for value, _ in operands)
    seen = operators()[op.code].reads_data
    key = (op, types, tuple(None if data is None or not seen else data.tobytes() for _, data in operands), outputs)
    known = _inferred.get(key)
    if known is None:
        if len(_inferred) > 20_000:
            _inferred.clear()
        known = _inferred[key] = _infer(op, layer, operands, outputs)
    return known


_inferred: dict[tuple[Any, ...], list[tuple[DType, Shape]]] = {}
"""Answers of the shape rules.  `verify` asks the same after every pass."""


def _infer(
    op: Op, layer: str, operands: Sequence[Operand], outputs: int, context: Context | None = None
) -> list[tuple[DType, Shape]]:
    number = operators()[op.code].number
    attrs = op.encode()
    views, _keep = _views([(value.dtype, value.shape, data) for value, data in operands])
    out = ffi.new("pr_view[]", outputs)
    message = _Message()
    message.check(
        _c.pr_infer(
            (context or shapes_context()).handle, number, attrs, len(attrs), layer.encode(), views, len(operands), out,
            outputs, message.struct,
        )
    )  # fmt: skip
    return [_shape(out[i]) for i in range(outputs)]


def run_once(op: Op, layer: str, arrays: Sequence[Array], outputs: int, context: Context | None = None) -> list[Array]:
    """Run one operator on arrays: for constant folding and tests."""
    from pyruntime.ir.graph import Value

    context = context or shapes_context()
    number = operators()[op.code].number
    attrs = op.encode()
    values = [(Value(f"{i}", dtype_of(a), a.shape), a) for i, a in enumerate(arrays)]
    results = [np.empty(shape, dtype.numpy) for dtype, shape in _infer(op, layer, values, outputs, context)]
    views, _keep = _views([(v.dtype, v.shape, a) for v, a in values])
    out, _keep_out = _views([(dtype_of(a), a.shape, a) for a in results])
    message = _Message()
    message.check(
        _c.pr_run_once(
            context.handle, number, attrs, len(attrs), layer.encode(), views, len(arrays), out, outputs, message.struct
        )
    )
    return results


def pack(
    op: AnyOp, layer: str, operands: Sequence[Operand], which: int, context: Context
) -> tuple[AnyOp, Array] | None:
    """Constant operand `which` as the context's kernels read it, and the operator that says so; None: as it is."""
    number = operators()[op.code].number
    encoded = op.encode()
    attrs = ffi.new("char[]", encoded)
    views, _keep = _views([(value.dtype, value.shape, data) for value, data in operands])
    out = ffi.new("pr_view *")
    message = _Message()
    call = (context.handle, number, attrs, len(encoded), layer.encode(), views, len(operands), which, out)
    status = _c.pr_pack(*call, message.struct)
    if status == _c.PR_UNSUPPORTED:
        return None
    message.check(status)
    dtype, shape = _shape(out)
    packed = _apart(shape, dtype.numpy)
    out.data = ffi.cast("void *", packed.ctypes.data)
    message.check(_c.pr_pack(*call, message.struct))
    return _with_layout(op, bytes(ffi.buffer(attrs, len(encoded)))), packed


def _with_layout(op: AnyOp, attrs: bytes) -> AnyOp:
    """`op` with the layout that C wrote into its attribute bytes."""
    before = op.encode()
    start = next(i for i in range(0, len(attrs), 4) if attrs[i : i + 4] != before[i : i + 4])
    (layout,) = struct.unpack_from("<i", attrs, start)
    changed = replace(op, layout=layout)  # type: ignore[call-arg]
    assert changed.encode() == attrs, "packing may only set the layout"
    return changed


def aligned(nbytes: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Zeroed bytes that start at a multiple of ALIGNMENT."""
    room = np.zeros(nbytes + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + nbytes]


class Session:
    """A checked plan bound to an arena.  One prediction at a time; open one per thread that predicts.

    plan, weights: bytes-like, aligned to ALIGNMENT (see `aligned`); kept alive by the session.
    custom: makes the `native.custom.Host` of the network's custom layers; called only when there are some.
    """

    def __init__(
        self, context: Context, plan: Array, weights: Array, memory_limit: int,
        custom: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        self._keep = (context, plan, weights)
        message = _Message()
        handle = ffi.new("pr_session **")
        message.check(
            _c.pr_session_open(
                context.handle, ffi.cast("void *", plan.ctypes.data), plan.nbytes,
                ffi.cast("void *", weights.ctypes.data), weights.nbytes, memory_limit, handle, message.struct,
            )
        )  # fmt: skip
        self.handle = ffi.gc(handle[0], _c.pr_session_close)
        if custom is not None and _c.pr_session_custom_layers(self.handle):
            from pyruntime.native.custom import implementation

            self._custom = implementation(custom())
            _c.pr_session_custom(self.handle, self._custom[0])
        self._bound: list[tuple[Shape, np.dtype[Any]]] | None = None
        self._results: list[tuple[DType, Shape]] = []
        self._in: Any = None
        self._out: Any = None
        self._empty: list[tuple[Shape, np.dtype[Any]]] = []
        self._open: list[int] = []
        self._message = _Message()

    def bind(self, inputs: Sequence[Array], outputs: int) -> list[tuple[DType, Shape]]:
        """Result types and shapes for these inputs; cheap when types and shapes are those of the last call.

        A size is -1 where it hangs on numbers that only a run knows.
        """
        forms = [(array.shape, array.dtype) for array in inputs]
        if forms == self._bound:
            return self._results
        self._bound = None
        self._in, _ = _views([(dtype_of(a), a.shape, None) for a in inputs])
        self._out = ffi.new("pr_view[]", outputs)
        message = _Message()
        status = _c.pr_session_bind(self.handle, self._in, len(inputs), self._out, outputs, message.struct)
        message.check(status, misfit=FeatureTypeError)
        self._results = [_shape(self._out[i]) for i in range(outputs)]
        self._empty = [(shape if is_known(shape) else (0,), dtype.numpy) for dtype, shape in self._results]
        self._open = [i for i, (_, shape) in enumerate(self._results) if not is_known(shape)]
        self._bound = forms
        return self._results

    def run(self, inputs: Sequence[Array], outputs: int) -> list[Array]:
        """One prediction: arrays of the plan's types in, new arrays out.  Releases the GIL."""
        inputs = [readable(array) for array in inputs]
        self.bind(inputs, outputs)
        results = [_room(shape, dtype) for shape, dtype in self._empty]
        keep = [ffi.from_buffer(array) for array in (*inputs, *results)]
        for i in range(len(inputs)):
            self._in[i].data = keep[i]
        for i in range(outputs):
            self._out[i].data = keep[len(inputs) + i]
        status = _c.pr_session_run(self.handle, self._in, len(inputs), self._out, outputs, self._message.struct)
        self._message.check(status, misfit=MLModelError)
        for i in self._open:
            results[i] = self._copy_of(self._out[i])
        return results

    def _copy_of(self, view: Any) -> Array:
        """A result whose shape only the run knew; its bytes are the session's."""
        dtype, shape = _shape(view)
        result = _room(shape, dtype.numpy)
        if result.nbytes:
            ffi.memmove(ffi.from_buffer(result.reshape(-1), require_writable=True), view.data, result.nbytes)
        return result

    def limit_iterations(self, most: int) -> None:
        """Iterations of all loops in one prediction, at most; 2**24 unless this is called.  More: MLModelError."""
        _c.pr_session_limit_iterations(self.handle, most)

    def memory(self) -> tuple[int, int]:
        """Bytes of the arena and of blocks taken while running, and the most bytes alive at one step."""
        arena, peak = ffi.new("int64_t *"), ffi.new("int64_t *")
        _c.pr_session_memory(self.handle, arena, peak)
        return int(arena[0]), int(peak[0])

    @property
    def steps(self) -> int:
        return int(_c.pr_session_steps(self.handle))

    def profile(self, inputs: Sequence[Array], outputs: int, runs: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Nanoseconds of each step, summed over `runs` predictions."""
        times = np.zeros(self.steps, np.int64)
        self.bind(inputs, outputs)
        _c.pr_session_profile(self.handle, ffi.cast("int64_t *", times.ctypes.data))
        try:
            for _ in range(runs):
                self.run(inputs, outputs)
        finally:
            _c.pr_session_profile(self.handle, ffi.NULL)
        return times

    def work(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(steps, 2): floating-point operations, and bytes of operands and results, for the shapes now bound."""
        operations, moved = np.zeros(self.steps), np.zeros(self.steps)
        pointers = (ffi.cast("double *", array.ctypes.data) for array in (operations, moved))
        _c.pr_session_work(self.handle, *pointers)
        return np.stack([operations, moved], axis=1)


class Call:
    """A run of a session with arrays that stay where they are: a call looks nothing up and allocates nothing.

    results: arrays that the run writes, C-contiguous and in the shapes of the plan's results.
    """

    def __init__(self, session: Session, inputs: Sequence[Array], results: Sequence[Array]) -> None:
        wanted = session.bind(inputs, len(results))
        if [(dtype_of(a), a.shape) for a in results] != wanted or not all(
            a.flags.c_contiguous for a in (*inputs, *results)
        ):
            raise ValueError(f"a call takes contiguous arrays, and room for results {wanted}")
        self._in, self._keep_in = _views([(dtype_of(a), a.shape, a) for a in inputs])
        self._out, self._keep_out = _views([(dtype_of(a), a.shape, a) for a in results])
        self._message = _Message()
        self._session = session
        self._call = (session.handle, self._in, len(inputs), self._out, len(results), self._message.struct)

    def __call__(self) -> None:
        """Releases the GIL.  Raises what `Session.run` raises."""
        self._message.check(_c.pr_session_run(*self._call))
