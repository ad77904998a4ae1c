"""Our schema is the one that coremltools reads and writes."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from pyruntime.spec import messages


def inner_messages(descriptor: Any) -> list[Any]:
    found = [descriptor]
    for inner in descriptor.nested_types:
        found += inner_messages(inner)
    return found


def our_messages() -> dict[str, Any]:
    tops = [messages.message(name).DESCRIPTOR for name in messages.names()]
    return {m.full_name: m for top in tops for m in inner_messages(top)}


def their_messages() -> dict[str, Any]:
    """All messages of the files that Model.proto brings in, as coremltools registered them."""
    from coremltools.proto import Model_pb2

    found: dict[str, Any] = {}
    waiting = [Model_pb2.DESCRIPTOR]
    while waiting:
        file = waiting.pop()
        waiting += list(file.dependencies)
        for top in file.message_types_by_name.values():
            found.update({m.full_name: m for m in inner_messages(top)})
    return found


def shape_of(message: Any) -> tuple[Any, ...]:
    """What decides about the wire and about Python names."""

    def type_name(field: Any) -> str | None:
        target = field.message_type or field.enum_type
        return target.full_name if target else None

    def oneof(field: Any) -> str | None:
        return field.containing_oneof.name if field.containing_oneof else None

    fields = [
        (f.number, f.name, f.type, f.is_repeated, f.is_packed, f.has_presence, type_name(f), oneof(f))
        if hasattr(f, "is_repeated")  # protobuf 6 and later
        else (f.number, f.name, f.type, f.label, type_name(f), oneof(f))
        for f in sorted(message.fields, key=lambda f: f.number)
    ]
    enums = [(e.full_name, sorted((v.name, v.number) for v in e.values)) for e in message.enum_types]
    return fields, sorted(enums), bool(message.GetOptions().map_entry)


def test_every_message_and_field_is_as_in_coremltools() -> None:
    ours, theirs = our_messages(), their_messages()
    assert sorted(ours) == sorted(theirs)
    assert len(ours) > 300
    for name, message in theirs.items():
        assert shape_of(ours[name]) == shape_of(message), name


def test_enums_outside_messages_are_as_in_coremltools() -> None:
    from coremltools.proto import MIL_pb2, NeuralNetwork_pb2

    for module, namespace in ((NeuralNetwork_pb2, messages), (MIL_pb2, messages.MILSpec)):
        for name, enum in module.DESCRIPTOR.enum_types_by_name.items():
            assert dict(getattr(namespace, name).items()) == {v.name: v.number for v in enum.values}
            assert all(getattr(namespace, v.name) == v.number for v in enum.values)


def test_unknown_names_are_attribute_errors() -> None:
    for namespace in (messages, messages.MILSpec):
        with pytest.raises(AttributeError, match="NoSuchLayerParams"):
            getattr(namespace, "NoSuchLayerParams")  # noqa: B009 - type checkers know that it is absent


@pytest.mark.parametrize(
    "order", ["coremltools.proto.Model_pb2 pyruntime.spec", "pyruntime.spec coremltools.proto.Model_pb2"]
)
def test_coremltools_can_be_imported_before_and_after(order: str) -> None:
    pytest.importorskip("coremltools", reason="coremltools, which shares our names, is not installed")
    script = """
        import importlib, sys
        for name in sys.argv[1].split():
            module = importlib.import_module(name)
            module.Model(specificationVersion=3).SerializeToString()
        import pyruntime.spec.messages as ours
        from coremltools.proto import NeuralNetwork_pb2 as theirs
        data = theirs.WeightParams(floatValue=[1, 2]).SerializeToString()
        assert list(ours.WeightParams.FromString(data).floatValue) == [1, 2]
        assert ours.WeightParams is not theirs.WeightParams
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), order], check=True, timeout=120)


def test_stored_descriptors_match_the_proto_files() -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools, which compiles the .proto files, is not here")
    sys.path.insert(0, "tools")
    try:
        assert importlib.import_module("make_descriptors").main(["--check"]) == 0
    finally:
        sys.path.remove("tools")
