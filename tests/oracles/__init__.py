"""An independent executor of Core ML models, used to check `pyruntime`, which it never imports."""
