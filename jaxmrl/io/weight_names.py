"""Weights by name: what moves from pre-training into a model, and what stays where it is."""

from typing import Any

import jax

HEAD = "head"


def leaf_name(path: tuple) -> str:
    """Return the name of a leaf by its path in a tree of weights, such as `encoder.layers.0.norm.scale`."""
    return jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value")


def part_of(tree: Any, name: str) -> dict[str, jax.Array]:
    """Return the leaves of `tree` whose names begin with `name` and a dot."""
    named = ((leaf_name(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree))
    return {name_: leaf for name_, leaf in named if name_.startswith(f"{name}.")}


def only_head(params: Any) -> Any:
    """Return `params` with gradients stopped everywhere but in the head."""
    hold = jax.lax.stop_gradient
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf if leaf_name(path).startswith(f"{HEAD}.") else hold(leaf), params
    )
