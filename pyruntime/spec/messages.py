"""Message classes of the Core ML format, built from the stored descriptor set when they are first asked for.

The classes live in a pool of their own, so coremltools, which puts the same names into protobuf's default
pool, can be imported before or after.  No code is generated, so one wheel works with protobuf 4.25 to 7.

    messages.Model, messages.WeightParams      package CoreML.Specification
    messages.MILSpec.Program                   packages below it
    messages.ImageFeatureType.RGB              enum values hang on the class that declares them
    messages.SCATTER_ADD                       or here, when the enum is declared outside a message
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from pyruntime.spec import wire

if TYPE_CHECKING:  # imported when the first message is asked for: a compiled network runs without protobuf
    from google.protobuf.descriptor_pool import DescriptorPool

PACKAGE = "CoreML.Specification"

_pool: DescriptorPool | None = None
_pool_lock = Lock()  # two pools would mean two classes of one name, which do not take each other's messages
_files: list[str] = []


def _open_pool() -> DescriptorPool:
    """The pool with all files of the format, made once."""
    global _pool
    with _pool_lock:
        if _pool is None:
            from google.protobuf.descriptor_pool import DescriptorPool

            pool = DescriptorPool()
            with open(os.path.join(os.path.dirname(__file__), "coreml.desc"), "rb") as stored:
                data = memoryview(stored.read())
            for _, _, _, start, end in wire.fields(data, 0, len(data)):  # FileDescriptorSet: repeated file = 1
                file = pool.AddSerializedFile(bytes(data[start:end]))
                _files.append(file.name if file is not None else _file_name(data, start, end))
            _pool = pool
        return _pool


def _file_name(data: memoryview, start: int, end: int) -> str:
    """Name of a serialised FileDescriptorProto (name = 1); the pure Python pool does not give the file back."""
    return next(bytes(data[a:b]).decode() for number, _, _, a, b in wire.fields(data, start, end) if number == 1)


def message(full_name: str) -> type[Any]:
    """The class of a message by its full name, for example `CoreML.Specification.MILSpec.Program`.

    Raises KeyError when the format has no such message.
    """
    from google.protobuf import message_factory
    from google.protobuf.internal import api_implementation
    from google.protobuf.message import Message

    descriptor = _open_pool().FindMessageTypeByName(full_name)
    if api_implementation.Type() != "upb":
        return message_factory.GetMessageClass(descriptor)
    # upb makes the classes of inner messages when they are met; GetMessageClass would make all 375 of Model, in 8 ms.
    # Where the class is there already, this gives it back.
    from google.protobuf.pyext.cpp_message import GeneratedProtocolMessageType

    made: type[Any] = GeneratedProtocolMessageType(
        descriptor.name, (Message,), {"DESCRIPTOR": descriptor, "__module__": None}
    )
    return made


def names() -> tuple[str, ...]:
    """Full names of all messages that are not nested in another one."""
    pool = _open_pool()
    return tuple(m.full_name for f in _files for m in pool.FindFileByName(f).message_types_by_name.values())


def _lookup(package: str, name: str) -> Any:
    """A message class, an enum, a value of a top-level enum or a sub-package; AttributeError otherwise."""
    if name.startswith("__"):
        raise AttributeError(name)
    pool, full_name = _open_pool(), f"{package}.{name}"
    for find in (message, _enum, _enum_value):
        try:
            return find(full_name)
        except KeyError:
            pass
    if any(pool.FindFileByName(file).package == full_name for file in _files):
        return _Package(full_name)
    raise AttributeError(f"the Core ML format has nothing named {full_name}")


def _enum(full_name: str) -> Any:
    from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

    return EnumTypeWrapper(_open_pool().FindEnumTypeByName(full_name))


def _enum_value(full_name: str) -> int:
    """Number of a value of an enum that no message declares: the value stands beside its enum."""
    package, _, name = full_name.rpartition(".")
    pool = _open_pool()
    for file in map(pool.FindFileByName, _files):
        for enum in file.enum_types_by_name.values():
            if file.package == package and name in enum.values_by_name:
                return int(enum.values_by_name[name].number)
    raise KeyError(full_name)


class _Package:
    """A package below the main one, as a namespace."""

    def __init__(self, full_name: str) -> None:
        self._full_name = full_name

    def __getattr__(self, name: str) -> Any:
        found = _lookup(self._full_name, name)
        setattr(self, name, found)
        return found


def __getattr__(name: str) -> Any:
    found = _lookup(PACKAGE, name)
    globals()[name] = found
    return found
