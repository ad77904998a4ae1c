"""Graph to bytes: csrc/plan/plan.h."""

VERSION = 3
"""Of the format; C refuses plans of another one."""
