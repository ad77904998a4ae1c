"""What a row of the table of layers is, and how a call becomes a message by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from pyruntime.errors import BuildError
from pyruntime.spec import messages

_FIRST_OF_VERSION = ((600, 4), (1450, 5))
"""From which number in the oneof of NeuralNetworkLayer on layers need which specification version."""


@dataclass(frozen=True)
class Row:
    """One method add_<method>.

    parameters: its signature after `self, name`, as Python source.  A parameter goes into the field of the layer's
        message that has its name (`use_bottom_k` into useBottomK): numbers and texts as they are, choices by the name
        of the enum's value, lists one by one.  None stays away.
    text: what help() says first, the rest is made from the row.
    layer: its field in NeuralNetworkLayer, when it is not the method's name; "" when `special` chooses it.
    rename: parameters that go into a field of another name.
    by_hand: parameters that `special` takes care of.
    special: what is to be done besides; it is called before the rest.
    inputs: least and most names of inputs, where input_names says nothing else.
    """

    method: str
    parameters: str
    text: str
    layer: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    by_hand: str = ""
    special: Callable[[Call], None] | None = None
    inputs: tuple[int, int | None] = (1, None)

    def layer_field(self) -> str | None:
        """Name of the oneof member this row writes; None where `special` chooses."""
        if self.layer is not None:
            return self.layer or None
        return match_name(_LAYERS(), self.method)


def _LAYERS() -> Sequence[str]:
    return [member.name for member in messages.NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"].fields]


def match_name(names: Sequence[str], name: str) -> str | None:
    """The one of `names` that is `name` apart from capitals and underscores."""
    wanted = name.replace("_", "").lower()
    return next((candidate for candidate in names if candidate.replace("_", "").lower() == wanted), None)


class Call:
    """One call of a method: the layer being written, and the arguments."""

    def __init__(self, row: Row, layer: Any, arguments: Mapping[str, Any]) -> None:
        self.row, self.layer, self.arguments = row, layer, arguments
        self.version = 1
        self._kind = row.layer_field()

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.arguments.get(name, default)

    def choose_layer(self, kind: str) -> None:
        """Say which member of NeuralNetworkLayer it is, where the arguments decide."""
        self._kind = kind

    @property
    def params(self) -> Any:
        """The message of the layer's parameters."""
        assert self._kind is not None
        return getattr(self.layer, self._kind)

    def needs(self, version: int) -> None:
        """The model needs at least this specification version."""
        self.version = max(self.version, version)

    def refuse(self, parameter: str, expected: str, got: object) -> NoReturn:
        where = f"add_{self.row.method}: layer {self.layer.name!r}"
        raise BuildError(f"{where}: {parameter}: expected {expected}, got {got}")

    def choice(self, parameter: str, choices: Sequence[str]) -> str:
        """The argument as one of `choices`, whatever its capitals."""
        value = self.arguments[parameter]
        if not isinstance(value, str) or value.upper() not in {choice.upper() for choice in choices}:
            self.refuse(parameter, f"one of {', '.join(choices)}", repr(value))
        return next(choice for choice in choices if choice.upper() == value.upper())

    def write(self) -> None:
        """Fill the layer.  Raises BuildError."""
        if self.row.special is not None:
            self.row.special(self)
        assert self._kind is not None
        params = self.params
        params.SetInParent()
        number = self.layer.DESCRIPTOR.fields_by_name[self._kind].number
        for first, version in _FIRST_OF_VERSION:
            if number >= first:
                self.needs(version)
        for name, value in self.arguments.items():
            if value is not None and name not in IO_PARAMETERS and name not in self.row.by_hand.split():
                self._set(params, name, value)

    def _set(self, params: Any, name: str, value: Any) -> None:
        descriptor = field_for(params.DESCRIPTOR, self.row, name)
        try:
            if descriptor.enum_type is not None:
                setattr(params, descriptor.name, self._enum(name, descriptor.enum_type, value))
            elif is_repeated(descriptor):
                self._extend(getattr(params, descriptor.name), name, value)
            else:
                setattr(params, descriptor.name, value.item() if isinstance(value, np.generic) else value)
        except (TypeError, ValueError) as error:
            if isinstance(error, BuildError):
                raise
            self.refuse(name, f"what fits into the field {descriptor.name}", f"{value!r} ({error})")

    def _extend(self, target: Any, name: str, value: Any) -> None:
        if isinstance(value, str | bytes):
            self.refuse(name, "a list of numbers", repr(value))
        values = value.tolist() if isinstance(value, np.ndarray) else value
        target.extend(item.item() if isinstance(item, np.generic) else item for item in values)

    def _enum(self, name: str, enum: Any, value: Any) -> int:
        if isinstance(value, int) and value in enum.values_by_number:
            return int(value)
        for text, member in choices_of(enum).items():
            if isinstance(value, str) and value.upper() == text:
                return int(member)
        return self.refuse(name, f"one of {', '.join(choices_of(enum))}", repr(value))


IO_PARAMETERS = ("name", "input_name", "input_names", "output_name", "output_names")


def is_repeated(descriptor: Any) -> bool:
    """Whether a field is a list; the way to ask depends on the release of protobuf."""
    repeated = getattr(descriptor, "is_repeated", None)
    return bool(repeated) if repeated is not None else descriptor.label == descriptor.LABEL_REPEATED


def field_for(message: Any, row: Row, parameter: str) -> Any:
    """Descriptor of the field that a parameter of a row goes into."""
    name = row.rename.get(parameter) or match_name([f.name for f in message.fields], parameter)
    if name not in message.fields_by_name:
        raise KeyError(f"add_{row.method}: {message.name} has no field for the parameter {parameter}")
    return message.fields_by_name[name]


def choices_of(enum: Any) -> dict[str, int]:
    """Names of an enum's values as callers write them, without what they all have in common: HEIGHT_AXIS is HEIGHT."""
    found = {}
    for value in enum.values:
        text = value.name.removeprefix("SCATTER_")
        found[text.removesuffix("_AXIS") if enum.name == "SliceAxis" else text] = value.number
    return found


def as_list(names: Any) -> list[str]:
    """Names of inputs or outputs: one text, or a list of them."""
    return [names] if isinstance(names, str) else list(names)
