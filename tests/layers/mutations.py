"""Messages with wrong fields: what `test_hostile.py` feeds the lowering functions."""

from __future__ import annotations

from random import Random
from typing import Any

INTEGERS = [
    0,
    1,
    2,
    3,
    4,
    7,
    -1,
    -2,
    -5,
    2**20,
    2**31 - 1,
    -(2**31),
    2**31,
    2**32,
    2**40,
    2**62,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
]
FLOATS = [0.0, 1.0, -1.0, 0.5, 3.0, 1e-30, 1e9, 2.0**40, 3e38, -3e38, float("inf"), float("-inf"), float("nan")]
RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


def mutate(message: Any, random: Random) -> None:
    """Change one field of `message`, or of a message inside it."""
    holder = random.choice(list(_messages(message)))
    fields = holder.DESCRIPTOR.fields
    if not fields:
        return
    field = random.choice(fields)
    if _is_repeated(field):
        _mutate_list(getattr(holder, field.name), field, random)
    elif field.type == field.TYPE_MESSAGE:
        if holder.HasField(field.name) and random.random() < 0.3:
            holder.ClearField(field.name)
        else:
            getattr(holder, field.name).SetInParent()
    else:
        setattr(holder, field.name, _strange(field, getattr(holder, field.name), random))


def _messages(message: Any) -> list[Any]:
    """`message` and the messages inside it that are set."""
    found = [message]
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for one in value if _is_repeated(field) else [value]:
                if hasattr(one, "DESCRIPTOR"):
                    found += _messages(one)
    return found


def _is_repeated(field: Any) -> bool:
    return bool(field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED)


def _mutate_list(values: Any, field: Any, random: Random) -> None:
    """One element more or less, or another value in its place."""
    if field.type == field.TYPE_MESSAGE:
        if not hasattr(values, "add"):  # a map
            values.clear()
        elif len(values) and random.random() < 0.5:
            del values[random.randrange(len(values))]
        else:
            values.add()
        return
    what = random.randrange(4)
    if what == 0 or not len(values):
        values.append(_strange(field, values[0] if len(values) else None, random))
    elif what == 1:
        del values[random.randrange(len(values))]
    elif what == 2:
        del values[:]
    else:
        at = random.randrange(len(values))
        values[at] = _strange(field, values[at], random)


def _strange(field: Any, old: Any, random: Random) -> Any:
    """A value of the field's type that may be anything."""
    if field.type == field.TYPE_BOOL:
        return not old
    if field.type == field.TYPE_ENUM:
        return random.choice([*(v.number for v in field.enum_type.values), 99])
    if field.type == field.TYPE_STRING:
        return random.choice(["", "nothing", "data", "out"])
    if field.type == field.TYPE_BYTES:
        return random.choice([b"", b"\1", (old or b"") + b"\1\2", (old or b"")[:-1]])
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return random.choice(FLOATS)
    kind = {field.TYPE_INT32: "int32", field.TYPE_UINT32: "uint32", field.TYPE_INT64: "int64"}.get(field.type, "uint64")
    low, high = RANGES[kind]
    return random.choice([n for n in INTEGERS if low <= n <= high])
