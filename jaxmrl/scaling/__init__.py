"""Scaling laws: fits, forecasts and comparisons of curves."""
