"""Layers of the file to operators: one file per family, one function per layer type."""
