"""The protobuf wire format, as much of it as is needed to cut large payloads out of a file without parsing
it.

Source: the public description of the protobuf encoding (tag = field number * 8 + wire type; lengths are
varints).
"""

from __future__ import annotations

from collections.abc import Iterator

from pyruntime.errors import SpecError

VARINT, FIXED64, LENGTH, GROUP, FIXED32 = 0, 1, 2, 3, 5
MAX_TAG = 2**32 - 1  # a field number has 29 bits
MAX_BYTES = 2**31 - 1  # protobuf's own limit for a message


def read_varint(data: memoryview, position: int, end: int) -> tuple[int, int]:
    """The number at `position` and the place after it.  Raises SpecError when it does not end before
    `end`."""
    value = shift = 0
    for place in range(position, min(end, position + 10)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    raise SpecError(f"the file is truncated or damaged: the number at byte {position} does not end")


def varint(value: int) -> bytes:
    """The bytes of a number that is not negative."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length_field(number: int, length: int) -> bytes:
    """Tag and length that stand before `length` bytes of a string, message or packed field."""
    return varint(number << 3 | LENGTH) + varint(length)


def fields(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """(number, wire type, start of the tag, start of the value, end of the value) of each field.

    A group (a form that Core ML never uses) is given as one field that reaches to the end of the message.
    Raises SpecError where no protobuf reader could go on.
    """
    position = start
    while position < end:
        tag_start = position
        tag = data[position]
        if tag < 0x80:  # nearly always; spares a call
            position += 1
        else:
            tag, position = read_varint(data, position, end)
        number, wire_type = tag >> 3, tag & 7
        stop = position
        if wire_type == LENGTH:
            length, position = read_varint(data, position, end)
            stop = position + length
        elif wire_type == VARINT:
            _, stop = read_varint(data, position, end)
        elif wire_type == FIXED32:
            stop = position + 4
        elif wire_type == FIXED64:
            stop = position + 8
        elif wire_type == GROUP:
            stop = end
        if (stop == position and wire_type != LENGTH) or number == 0 or tag > MAX_TAG:
            raise SpecError(f"the file is damaged: no field of a model starts at byte {tag_start} with tag {tag}")
        if stop > end:
            raise SpecError(
                f"the file is truncated or damaged: the field at byte {tag_start} "
                f"needs {stop - position} bytes, {end - position} are left"
            )
        yield number, wire_type, tag_start, position, stop
        position = stop
