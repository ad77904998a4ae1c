"""Graph to bytes: csrc/plan/plan.h."""
