"""Molecules as the bits of their Morgan fingerprint."""
