"""Molecules by RDKit: parsing, canonical form, parents, scaffolds."""
