"""A graph as text, for people and for tests."""

from __future__ import annotations

from dataclasses import fields

from pyruntime.ir.graph import Graph, Value


def show(graph: Graph) -> str:
    """One line per node: results = operator(operands; attributes that are not their defaults)  # layer.

    The regions of a branch or a loop follow it, indented and in braces.
    """
    lines = [f"in  {_typed(value)}" for value in graph.inputs]
    for node in graph.nodes:
        attrs = ", ".join(
            f"{f.name}={getattr(node.op, f.name)}" for f in fields(node.op) if getattr(node.op, f.name) != f.default
        )
        results = ", ".join(map(_typed, node.outputs))
        operands = ", ".join(value.name for value in node.inputs)
        lines.append(f"{results} = {node.op.code.lower()}({operands}{'; ' if attrs else ''}{attrs})  # {node.layer}")
        for region in node.regions:
            lines += ["    {", *(f"    {line}" for line in show(region).splitlines()), "    }"]
    lines += [f"out {_typed(value)}" for value in graph.outputs]
    return "\n".join(lines)


def _typed(value: Value) -> str:
    return f"{value.name}:{value.dtype.name.lower()}[{','.join('?' if d < 0 else str(d) for d in value.shape)}]"
