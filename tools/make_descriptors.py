"""Compile pyruntime/spec/proto/*.proto into what the package reads at run time.

Writes `pyruntime/spec/coreml.desc` (a serialised FileDescriptorSet) and `pyruntime/spec/messages.pyi` (the
names of all messages, for type checkers).  Needs `grpcio-tools`; a board needs neither it nor protoc.

    python tools/make_descriptors.py            write both files
    python tools/make_descriptors.py --check    exit with 1 when a stored file differs
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet

SPEC = Path(__file__).resolve().parent.parent / "pyruntime" / "spec"
PACKAGE = "CoreML.Specification"

STUB_HEAD = '''\
"""Names of all messages.  Written by tools/make_descriptors.py; do not edit."""

from typing import Any

from google.protobuf.message import Message as ProtobufMessage

class Message(ProtobufMessage):
    """A message; its fields and enum values are attributes."""

    def __init__(self, **fields: Any) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

def message(full_name: str) -> type[Any]: ...
def names() -> tuple[str, ...]: ...
def __getattr__(name: str) -> Any: ...
'''


def compile_protos() -> bytes:
    """The .proto files as a serialised FileDescriptorSet, in an order in which dependencies come first."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "coreml.desc"
        sources = sorted(path.name for path in (SPEC / "proto").glob("*.proto"))
        command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={SPEC / 'proto'}"]
        subprocess.run([*command, f"--descriptor_set_out={out}", *sources], check=True)
        files = FileDescriptorSet.FromString(out.read_bytes())
    for file in files.file:
        for message in file.message_type:
            drop_json_names(message)
    return files.SerializeToString(deterministic=True)


def drop_json_names(message: DescriptorProto) -> None:
    """Forget the JSON spelling of the fields: it can be derived, and is a fifth of the file."""
    for field in message.field:
        field.ClearField("json_name")
    for inner in message.nested_type:
        drop_json_names(inner)


def make_stub(descriptors: bytes) -> str:
    """The text of messages.pyi: one class per message, grouped by package."""
    packages: dict[str, list[DescriptorProto]] = {}
    for file in FileDescriptorSet.FromString(descriptors).file:
        packages.setdefault(file.package.removeprefix(PACKAGE).lstrip("."), []).extend(file.message_type)
    lines = [STUB_HEAD]
    for package in sorted(packages):
        if package:
            lines += ["", f"class {package}:"]
        indent = "    " if package else ""
        for message in sorted(packages[package], key=lambda m: m.name):
            lines += stub_class(message, indent)
    text = re.sub(r":\n\n+( +class)", r":\n\1", "\n".join(lines))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def stub_class(message: DescriptorProto, indent: str) -> list[str]:
    """The lines of one message class; map entries are no classes of their own."""
    nested = [m for m in message.nested_type if not m.options.map_entry]
    inner = [line for m in nested for line in stub_class(m, indent + "    ")]
    inner += [f"{indent}    {enum.name}: Any" for enum in message.enum_type]
    if not inner:
        return [f"{indent}class {message.name}(Message): ..."]
    return ["", f"{indent}class {message.name}(Message):", *inner, ""]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the stored files, write nothing")
    options = parser.parse_args(arguments)
    descriptors = compile_protos()
    products = {SPEC / "coreml.desc": descriptors, SPEC / "messages.pyi": make_stub(descriptors).encode()}
    if options.check:
        stale = [path.name for path, data in products.items() if not path.exists() or path.read_bytes() != data]
        print(f"out of date: {', '.join(stale)}; run tools/make_descriptors.py" if stale else "up to date")
        return 1 if stale else 0
    for path, data in products.items():
        path.write_bytes(data)
        print(f"{path.name}: {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
