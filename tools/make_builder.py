"""Write pyruntime/models/neural_network/layer_methods.py from the table of layers beside it.

    python tools/make_builder.py            # write
    python tools/make_builder.py --check    # say whether it is up to date

The methods are written out, with their signatures and types, so that editors, help() and type checkers see them.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from pathlib import Path
from typing import Any

from pyruntime.models.neural_network.rows import IO_PARAMETERS, Row, choices_of, field_for
from pyruntime.models.neural_network.table import ROWS
from pyruntime.spec import messages

TARGET = Path(__file__).resolve().parents[1] / "pyruntime/models/neural_network/layer_methods.py"
WIDTH = 120

HEAD = '''"""Methods that add layers.  Written from table.py by tools/make_builder.py; do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Names = str | Sequence[str]
"""One name, or several."""
Numbers = Any
"""An array, or what NumPy makes one of; packed integers are bytes."""
Sizes = Sequence[int]
Layer = Any
"""The NeuralNetworkLayer message that was added."""


class LayerMethods:
    """One method per kind of layer; each gives the message of the layer that it adds.

    Arguments that make no valid layer are refused with BuildError, and nothing is added then.
    """

    def _add(self, method: str, arguments: Mapping[str, Any]) -> Layer:
        raise NotImplementedError
'''

TYPES = {
    "name": "str", "input_name": "Names", "input_names": "Names", "output_name": "Names", "output_names": "Names",
    "has_bias": "bool", "mode": "str", "kwargs": "Any", "non_linearity": "str", "activation": "str",
    "layer_type": "str",
    "padding_type": "str", "border_mode": "str", "pooling_type": "str", "params": "Any", "custom_proto_spec": "Any",
    "if_branch": "Any", "else_branch": "Any", "body_network": "Any", "condition_network": "Any",
    "condition": "str | None", "epsilon": "float", "alpha": "float", "beta": "float", "value": "float", "axis": "int",
    "W": "Numbers", "b": "Numbers", "W_h": "Numbers", "W_x": "Numbers", "W_h_back": "Numbers", "W_x_back": "Numbers",
    "b_back": "Numbers", "bias": "Numbers", "gamma": "Numbers", "constant_value": "Numbers", "peep": "Numbers",
    "peep_back": "Numbers", "mean": "Numbers", "variance": "Numbers", "quant_scale": "Numbers", "quant_bias": "Numbers",
    "quant_lut": "Numbers", "shape": "Sizes", "output_shape": "Sizes", "target_shape": "Sizes", "axes": "Sizes",
    "dim": "Sizes", "normalized_shape": "Sizes", "offset": "Sizes", "reps": "Sizes", "pad_amounts": "Sizes",
    "begin_ids": "Sizes", "end_ids": "Sizes", "strides": "Sizes", "begin_masks": "Sequence[bool]",
    "end_masks": "Sequence[bool]", "squeeze_masks": "Sequence[bool]", "reverse_dim": "Sequence[bool]",
    "split_sizes": "Sizes", "dilation_factors": "Sizes", "shape_scale": "Sizes", "shape_bias": "Sizes",
    "input_shape": "Sizes", "scaling_factor_h": "float", "scaling_factor_w": "float", "start": "float", "end": "float",
    "step": "float",
}  # fmt: skip
"""Types of parameters by name; others have the type of their default, or are whole numbers."""

BY_METHOD = {
    ("batchnorm", "beta"): "Numbers", ("layer_normalization", "beta"): "Numbers", ("flatten", "mode"): "int",
    ("reshape", "mode"): "int", ("slice", "axis"): "str", ("reduce", "axis"): "str", ("sliding_windows", "step"): "int",
    ("random_normal_like", "mean"): "float", ("random_normal_static", "mean"): "float",
    ("random_normal_dynamic", "mean"): "float",
}  # fmt: skip


def arguments_of(row: Row) -> ast.arguments:
    """The parsed signature of a row, after `self`."""
    function = ast.parse(f"def f(name{', ' if row.parameters else ''}{row.parameters}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return function.args


def type_of(row: Row, name: str, default: ast.expr | None) -> str:
    """Annotation of a parameter."""
    value = ast.literal_eval(default) if default is not None else ...
    known = BY_METHOD.get((row.method, name)) or TYPES.get(name)
    if known is None:
        known = {bool: "bool", float: "float", str: "str"}.get(type(value), "int")
    return f"{known} | None" if value is None and known not in ("Any", "Numbers") and "None" not in known else known


def parameters_of(row: Row) -> list[tuple[str, str]]:
    """(name, source of the parameter with type and default) of a row, kwargs too."""
    args = arguments_of(row)
    defaults: list[ast.expr | None] = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    found = []
    for arg, default in zip(args.args, defaults, strict=True):
        text = f"{arg.arg}: {type_of(row, arg.arg, default)}"
        if default is not None:
            source = ast.unparse(default)
            text += f" = {repr_double(default) if isinstance(ast.literal_eval(default), str) else source}"
        found.append((arg.arg, text))
    if args.kwarg is not None:
        found.append((args.kwarg.arg, f"**{args.kwarg.arg}: Any"))
    return found


def repr_double(default: ast.expr) -> str:
    return f'"{ast.literal_eval(default)}"'


def docstring(row: Row) -> list[str]:
    """Text of the row, the layer it writes, and the choices of its enums."""
    text = textwrap.wrap(f"{row.text}.", WIDTH - 8 - 3)
    kind = row.layer_field()
    if kind is None:
        return text
    descriptor = messages.NeuralNetworkLayer.DESCRIPTOR.fields_by_name[kind].message_type
    lines = [*text, "", f"Writes the layer `{kind}`."]
    for name, _ in parameters_of(row):
        if name in IO_PARAMETERS or name in row.by_hand.split():
            continue
        enum = field_for(descriptor, row, name).enum_type
        if enum is not None:
            lines += textwrap.wrap(f"{name}: {', '.join(choices_of(enum))}.", WIDTH - 8, subsequent_indent="    ")
    return lines


def wrapped(pieces: list[str]) -> list[str]:
    """Parameters in lines, each whole."""
    lines = textwrap.wrap(", ".join(piece.replace(" ", "\a") for piece in pieces) + ",", WIDTH - 8)
    return ["        " + line.replace("\a", " ") for line in lines]


def method(row: Row) -> str:
    """Source of one method."""
    pieces = ["self", *(text for _, text in parameters_of(row))]
    flat = f"    def add_{row.method}({', '.join(pieces)}) -> Layer:"
    if len(flat) <= WIDTH:
        head = [flat]
    else:
        head = [f"    def add_{row.method}(", *wrapped(pieces), "    ) -> Layer:"]
    lines = docstring(row)
    quoted = ["        " + line if line else "" for line in lines]
    quoted[0] = f'        """{lines[0]}'
    if len(lines) == 1 and len(quoted[0]) <= WIDTH - 3:
        quoted[0] += '"""'
    else:
        quoted.append('        """')
    return "\n".join([*head, *quoted, f'        return self._add("{row.method}", locals())'])


def source() -> str:
    """The whole module."""
    body = "\n\n".join(method(row) for row in sorted(ROWS, key=lambda row: row.method))
    return f"{HEAD}\n    # fmt: off\n{body}\n"


def main(arguments: list[str]) -> int:
    text = source()
    if "--check" in arguments:
        current: Any = TARGET.read_text() if TARGET.exists() else None
        print("up to date" if current == text else "out of date: run python tools/make_builder.py")
        return int(current != text)
    TARGET.write_text(text)
    print(f"{TARGET.name}: {len(ROWS)} methods")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
