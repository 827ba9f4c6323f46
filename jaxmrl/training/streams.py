"""Where the random streams of a replica come from: its name and seed, on every machine and in any company."""

from typing import Protocol

import jax


class Named(Protocol):
    """What identifies a replica."""

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...


def name_hash(name: str) -> int:
    """Return a 31-bit number from a replica's name, the same on every machine (FNV-1a)."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value >> 1


def entropy(replica: Named) -> tuple[int, int]:
    """Return the numbers from which the generators of a replica's batches and choices are seeded."""
    return replica.seed, name_hash(replica.name)


def replica_keys(replica: Named) -> tuple[jax.Array, jax.Array]:
    """Return the key of the initial weights (by seed alone) and of the replica's own stream (by seed and name)."""
    root = jax.random.key(replica.seed, impl="threefry2x32")
    init, stream = jax.random.fold_in(root, 0), jax.random.fold_in(root, 1)
    return init, jax.random.fold_in(stream, name_hash(replica.name))
