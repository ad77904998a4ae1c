"""The digest of training data: equal for equal data, and for no other."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pyruntime.update.data_digest import Digest

A = np.arange(6, dtype=np.float32)


def digest(*examples: dict[str, Any]) -> str | None:
    made = Digest()
    for example in examples:
        made.add(example)
    return made.text


def test_nothing_has_none() -> None:
    assert digest() is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (A, A.copy()), (A.reshape(2, 3), np.asfortranarray(A.reshape(2, 3))), (A[::2], A[::2].copy()),
        ("cat", "c" + "at"), (3, 3), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([1.0, 2.0], [1.0, 2.0]),
        (Image.fromarray(np.eye(4, dtype=np.uint8)), Image.fromarray(np.eye(4, dtype=np.uint8))),
    ],
)  # fmt: skip
def test_equal_data_have_one_digest(a: Any, b: Any) -> None:
    assert digest({"x": a, "y": "z"}) == digest({"y": "z", "x": b})


def test_other_data_have_another() -> None:
    different: list[Any] = [
        A, A + 1e-6, A.astype(np.float64), A.reshape(2, 3), A.reshape(3, 2), A[:5], A[:0], -0.0 * A, "cat", "", "cat\0",
        b"cat", 1, 1.0, True, None, {"a": 1}, {"a": "1"}, {1: 1}, [1, 2], [1, 3], float("nan"),
        Image.fromarray(np.eye(4, dtype=np.uint8)), Image.fromarray(np.zeros((4, 4), np.uint8)),
        Image.fromarray(np.zeros((2, 8), np.uint8)), np.array(["2026-01-01"], "datetime64[D]"), np.array(7), "\ud800",
    ]  # fmt: skip
    found = [digest({"x": value}) for value in different]
    assert len(set(found)) == len(different)


def test_order_names_and_borders_count() -> None:
    one, two = {"x": A, "label": "a"}, {"x": A + 1, "label": "b"}
    found = [
        digest(one, two), digest(two, one), digest(one), digest(one, one), digest({"y": A, "label": "a"}),
        digest({"x": "ab", "y": "c"}), digest({"x": "a", "y": "bc"}), digest({"x": "abc", "y": ""}),
        digest({"x": "abc"}),
    ]  # fmt: skip
    assert len(set(found)) == len(found)


def test_what_it_is_made_of() -> None:
    """Written down here so that digests of old generations stay comparable."""
    text = b"\x01\0\0\0" + (3).to_bytes(8, "little") + b"fx\0y" + b"a <f4 (6,) " + A.tobytes() + b"s3 cat"
    assert digest({"y": "cat", "x": A}) == hashlib.sha256(text).hexdigest()
