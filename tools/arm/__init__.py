"""Counted instructions and modelled cycles of the library on 64-bit ARM; `python -m tools.arm --help`."""
