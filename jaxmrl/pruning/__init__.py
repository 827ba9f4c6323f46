"""Scores of training molecules, and the subsets that they keep."""
