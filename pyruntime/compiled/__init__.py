"""Compiled models: directories that open without compiling, and a cache of them.  docs/compiled-models.md.

manifest    what a compiled model says about itself; believed only after it is checked
reading     a directory opened: weights are mapped, not read
writing     a model and its compiled networks to a directory
examples    examples of k-NN, in files of their own
history     which generations a directory has; generations is the API of them
lineage     where a model in memory comes from; provenance how a generation came to be
differences between two generations
locks       one update of a model at a time
folder      directories that are written and renewed so that a reader, or a power cut, sees the old or the new one
cache       compiled networks of .mlmodel files by content
opening     from any path to a model and what is compiled of it
"""
