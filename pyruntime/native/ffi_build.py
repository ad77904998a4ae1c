"""Writes the C source of the cffi module from the public header: `ffi_build.py pyruntime.h out.c`.  Run by Meson."""

from __future__ import annotations

import re
import sys

from cffi import FFI

CALLBACKS = """extern "Python" pr_status pr_custom_python(
    void *user, pr_custom_task task, int32_t number, const char *layer, const pr_view *in, int32_t inputs, pr_view *out,
    int32_t outputs, pr_message *message);
extern "Python" pr_status pr_pause_python(pr_message *message);"""
"""Python functions that C can call: a pr_custom_fn, in native/custom.py, and a pr_pause_fn, in lib.py."""


def declarations(header: str) -> str:
    """The header as cffi reads it: no preprocessor lines, no comments, constants spelled out."""
    constants = dict(re.findall(r"^#define (PR_\w+) (\d+)$", header, re.MULTILINE))
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    for name, value in constants.items():
        text = re.sub(rf"\b{name}\b", value, text)
    return text


def main(header_path: str, out_path: str) -> None:
    """Write the module's C source for the public header."""
    with open(header_path, encoding="utf-8") as file:
        header = file.read()
    ffi = FFI()
    ffi.cdef(declarations(header))
    ffi.cdef(CALLBACKS)
    ffi.set_source("pyruntime.native._native", '#include "include/pyruntime.h"', py_limited_api=True)
    ffi.emit_c_code(out_path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
