"""Settings of a sweep that takes a second, once its programs are compiled: all tests that use them share these."""

TINY = {"target_columns": ("logp",), "fractions": (0.05, 0.1), "epochs": 1, "width": (8,), "depth": (2,), "lanes": 2}
"""For the fixture `csv_file`. The programs stay the same with any number of seeds and epochs, with other splits, and
with other fractions of up to 0.12, which have the batches of small subsets."""
