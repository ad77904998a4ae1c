"""examples/stickers: its files, its command-line demo, and its application, up to a real browser."""
