"""Core ML models on Linux boards.

    .mlmodel file → spec → layers → graph IR → passes → plan → C executor → CPU kernels
"""
