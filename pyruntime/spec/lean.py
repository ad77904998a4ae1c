"""A model whose large weights are outside its messages."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyruntime.spec import messages
    from pyruntime.spec.payloads import Payloads


class LeanModel:
    """A model whose large weights are outside its messages.

    spec: a standard Model message; read its weights with `weights.read_weights(…, payloads=…)`, not directly.
    payloads: the weights, as views of the mapped file.
    source: the path, for messages to people.
    """

    def __init__(self, spec: messages.Model, payloads: Payloads, source: str) -> None:
        self.source = source
        self._parts: tuple[messages.Model, Payloads] | None = (spec, payloads)
        self._read: Callable[[], LeanModel] | None = None
        self._lock = Lock()

    @classmethod
    def unread(cls, source: str, read: Callable[[], LeanModel]) -> LeanModel:
        """One that `read` reads when something of it is asked for, once; what `read` raises, asking raises."""
        made = cls.__new__(cls)
        made.source, made._parts, made._read, made._lock = source, None, read, Lock()
        return made

    @property
    def spec(self) -> messages.Model:
        return self._both()[0]

    @property
    def payloads(self) -> Payloads:
        return self._both()[1]

    def to_spec(self) -> messages.Model:
        """The standard message with all numbers in it; an independent copy of the size of the file."""
        from pyruntime.spec.reader import whole_spec

        return whole_spec(self)

    def _both(self) -> tuple[messages.Model, Payloads]:
        if self._parts is None:
            with self._lock:  # two messages would mean that a change to one is not saved with the other
                if self._parts is None:
                    assert self._read is not None
                    self._parts = self._read()._both()
                    self._read = None
        return self._parts
