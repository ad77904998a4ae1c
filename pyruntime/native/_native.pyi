"""The cffi module: types are C's, so nothing is said about them here."""

from typing import Any

ffi: Any
lib: Any
