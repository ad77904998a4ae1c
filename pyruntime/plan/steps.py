"""The steps of a plan by name: for profiles and other lists made for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyruntime.native import lib
from pyruntime.plan.encode import CONTROL_STEPS, HEADER, STEP

_STEPS_AT, _STEPS, _TEXT_AT = 6, 7, 16


def step_names(plan: NDArray[np.uint8]) -> list[tuple[str, str]]:
    """(operator, layer) of every step, in running order; those inside a branch or a loop follow it.

    plan: bytes that a session has accepted; C checks them, this does not.
    """
    data = plan.tobytes()
    header = HEADER.unpack_from(data)
    operators = dict(enumerate(lib.operators())) | {number: code for code, number in CONTROL_STEPS.items()}
    names = []
    for i in range(header[_STEPS]):
        operator, name, *_ = STEP.unpack_from(data, header[_STEPS_AT] + i * STEP.size)
        start = header[_TEXT_AT] + name
        names.append((operators[operator].lower(), data[start : data.index(b"\0", start)].decode("utf-8", "replace")))
    return names
