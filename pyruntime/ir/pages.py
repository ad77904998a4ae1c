"""Pages of a mapped file that were read: the system may have them back."""

from __future__ import annotations

import mmap
from typing import Any

from pyruntime.ir.types import Array

FROM = 1 << 18
"""Bytes of an array from which it is worth a call to the system."""


def let_go(array: Array) -> None:
    """`array` will hardly be read again: where it is part of a file that is mapped to be read, its pages need not stay.

    Nothing is lost; whoever reads them again gets them from the system, which keeps the file in its own memory.
    """
    owner: Any = array
    while hasattr(owner, "base"):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    if array.nbytes < FROM or not isinstance(owner, mmap.mmap):
        return
    with memoryview(owner) as view:
        mapped_to_read = view.readonly  # of a private copy that can be written, changes would be lost
    if mapped_to_read:
        owner.madvise(mmap.MADV_DONTNEED)
