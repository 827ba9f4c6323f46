"""Molecules as the tokens of their SMILES."""
