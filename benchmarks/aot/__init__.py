"""Programs compiled ahead of time for accelerators that this machine lacks: what XLA made of them, counted."""
