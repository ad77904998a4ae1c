"""Compiled models: directories that open without compiling, and a cache of them.  docs/compiled-models.md.

manifest    what a compiled model says about itself; believed only after it is checked
folder      directories that are written and renewed so that a reader, or a power cut, sees the old or the new one
store       programs to files and back: weights are mapped, not read
cache       compiled networks of .mlmodel files by content
"""
