"""Independent readers and executors of Core ML models, used only to check `pyruntime`, which they never import."""
