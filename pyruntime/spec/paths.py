"""Names of the weights in a layer: "bias", "PReLU.alpha", "weightParams[1].outputGateBiasVector"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def at_path(message: Any, path: str) -> Any:
    """What stands at `path` in a message.  Entries of a repeated field are counted from 0.

    Raises KeyError when there is no such field.
    """
    for step in path.split("."):
        match = _STEP.fullmatch(step)
        if match is None or match[1] not in message.DESCRIPTOR.fields_by_name:
            raise KeyError(path)
        found = getattr(message, match[1])
        if match[2] is None:
            message = found
        elif int(match[2]) < len(found):
            message = found[int(match[2])]
        else:
            raise KeyError(path)
    return message


def weight_paths(message: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """(path, weight) of every WeightParams that is set in a layer's parameters, nested ones too."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        name = f"{place}.{field.name}" if place else field.name
        single = hasattr(value, "ListFields")
        for number, item in enumerate([value] if single else value):
            path = name if single else f"{name}[{number}]"
            if field.message_type.name == "WeightParams":
                yield path, item
            elif hasattr(item, "ListFields"):  # entries of a map are plain values
                yield from weight_paths(item, path)
