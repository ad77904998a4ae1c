"""The parts of train_sticker.py: drawings → augment → network → training → export, and measure."""
