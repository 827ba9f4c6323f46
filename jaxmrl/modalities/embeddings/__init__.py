"""Molecules as vectors from a user's file, such as the embeddings of a foundation model."""
