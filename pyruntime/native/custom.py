"""Custom layers as C sees them: one function, which asks the host of the network that is running."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from pyruntime.ir.types import Array, Shape
from pyruntime.native import lib
from pyruntime.native._native import ffi
from pyruntime.native._native import lib as _c


class Host(Protocol):
    """The custom layers of one network, by number."""

    def start_lowering(self) -> None:
        """All layers of the network are going to be lowered."""

    def number(self, params: Any) -> int:
        """The number of the layer with this CustomLayerParams."""

    def shapes(self, number: int, layer: str, shapes: Sequence[Shape], outputs: int, *, ahead: bool) -> list[Shape]:
        """Shapes of the results, -1 where unknown; ahead: the model is being compiled, sizes may be open."""

    def evaluate(self, number: int, layer: str, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Fill `outputs`."""


class _Compiling:
    """The host of a network that is being compiled, made when its first custom layer is met."""

    def __init__(self, make: Callable[[], Host]) -> None:
        self._make = make

    @cached_property
    def host(self) -> Host:
        host = self._make()
        host.start_lowering()
        return host


_compiling: ContextVar[_Compiling | None] = ContextVar("pyruntime_custom_layers", default=None)
_c.pr_context_custom(lib.shapes_context().handle, ffi.new("pr_custom *", [_c.pr_custom_python, ffi.NULL])[0])


@contextmanager
def compiling(make: Callable[[], Host]) -> Iterator[None]:
    """While a network is lowered and optimised: `make` gives the host of its custom layers."""
    token = _compiling.set(_Compiling(make))
    try:
        yield
    finally:
        _compiling.reset(token)


def compiling_host() -> Host | None:
    """The host of the network that is being compiled on this thread; None outside of `compiling`."""
    current = _compiling.get()
    return current.host if current else None


def implementation(host: object) -> tuple[Any, object]:
    """A pr_custom that asks `host`, and what must live as long as it."""
    handle = ffi.new_handle(host)
    custom = ffi.new("pr_custom *", [_c.pr_custom_python, handle])
    return custom[0], (handle, custom)


@ffi.def_extern()  # type: ignore[untyped-decorator]
def pr_custom_python(
    user: Any, task: int, number: int, layer: Any, inputs: Any, input_count: int, outputs: Any, output_count: int,
    message: Any,
) -> int:  # fmt: skip
    """Called by C.  What the user's code raises is kept for `lib` to raise again, beyond C."""
    try:
        name = ffi.string(layer).decode("utf-8", "replace")
        host = ffi.from_handle(user) if user != ffi.NULL else compiling_host()
        assert host is not None, "a custom layer outside of its network"
        if task == _c.PR_CUSTOM_SHAPES:
            given = [tuple(inputs[i].shape[0 : inputs[i].rank]) for i in range(input_count)]
            shapes = host.shapes(number, name, given, output_count, ahead=user == ffi.NULL)
            for i, shape in enumerate(shapes):
                outputs[i].rank = len(shape)
                outputs[i].shape[0 : len(shape)] = shape
        else:
            views = [_array(inputs[i], writeable=False) for i in range(input_count)]
            host.evaluate(number, name, views, tuple(_array(outputs[i]) for i in range(output_count)))
    except BaseException as error:
        lib.failed.error = error
        text = str(error).encode()[: ffi.sizeof(message.text) - 1] + b"\0"
        ffi.memmove(message.text, text, len(text))
        return int(_c.PR_CUSTOM)
    return int(_c.PR_OK)


def _array(view: Any, *, writeable: bool = True) -> Array:
    """The memory of a view as an array: nothing is copied."""
    shape = tuple(view.shape[0 : view.rank])
    count = math.prod(shape)
    array: Array
    if count:
        array = np.frombuffer(ffi.buffer(view.data, 4 * count), np.float32).reshape(shape)
    else:
        array = np.empty(shape, np.float32)
    array.flags.writeable = writeable
    return array
