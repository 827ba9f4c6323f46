"""Molecules as graphs whose atoms and bonds have the features of the field."""
