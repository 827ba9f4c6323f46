"""Batch acquisition: which molecules to label next, and simulations of how many labels that saves. No JAX."""
