"""Molecules as one row of numbers each: counts of substructures and computed properties, for classical models."""
