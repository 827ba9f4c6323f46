"""Molecules as atoms in space."""
