"""The examples that a k-NN keeps: docs/nearest-neighbors.md.

samples    vectors: floats, codes or both
segments   some of them in a form that a file has, mapped or in memory; floats, 8-bit codes or both
layout     a segment as the bytes of a file, and back
store      all examples of one k-NN: segments in order; adding and removing makes another store
messages   between stores and the messages of the format
examples   what a user sees: list, forget, cap, deduplicate
"""
