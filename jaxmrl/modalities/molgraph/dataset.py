"""Molecular graphs on the device: batches of atoms, of bonds as pairs of directed edges, and of overflow."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.modalities.flat_arrays import NONE, arrays_by_name
from jaxmrl.modalities.flat_rows import gather_rows, round_up, starts
from jaxmrl.modalities.molgraph.edges import Edges
from jaxmrl.modalities.molgraph.features import ATOM_CATEGORIES, BOND_CATEGORIES, MolGraphs


class MolGraphBatch(NamedTuple):
    """A padded batch of `B` molecules with n rows of atoms and b of bonds. The features of padding rows are 0.

    atoms [n, ATOM_WIDTH]   features of each atom
    bonds [b, BOND_WIDTH]   features of each bond, whose directed edges are 2 b and 2 b + 1 of `edges`
    edges                   as pairs of directed edges
    molecule [n]            the place in the batch of each atom's molecule
    real [n]                whether the row is an atom
    size [B]                atoms of each molecule; 0 where there is none
    properties [B, P]       descriptors of each molecule, if any; 0 where there is no molecule
    """

    atoms: jax.Array
    bonds: jax.Array
    edges: Edges
    molecule: jax.Array
    real: jax.Array
    size: jax.Array
    properties: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MolGraphDataset:
    """The graphs of a whole table, flat; `MolGraphs` describes the arrays.

    `budget` is (atom rows, bond rows, overflow rows) of a batch. At least one row of atoms and of bonds is padding.
    """

    start: jax.Array
    bond_start: jax.Array
    overflow_start: jax.Array
    arrays: dict[str, jax.Array]
    budget: tuple[int, int, int] = field(metadata={"static": True}, default=(0, 0, 0))

    @classmethod
    def to_device(cls, graphs: MolGraphs) -> "MolGraphDataset":
        """Return the dataset of `graphs` on the default device."""
        none = np.zeros((len(graphs), 0), np.float32)
        properties = none if graphs.properties is None else graphs.properties
        arrays = arrays_by_name(graphs) | {"properties": properties}
        # A gather needs a row to read even where the table has no bonds or no overflow.
        for name in ("bond", "ends", "overflow_atom", "overflow"):
            padding = [(0, 1)] + [(0, 0)] * (arrays[name].ndim - 1)
            arrays[name] = np.pad(arrays[name], padding, constant_values=NONE if name == "overflow" else 0)
        return cls(
            start=jnp.asarray(starts(graphs.size)),
            bond_start=jnp.asarray(starts(graphs.bond_count)),
            overflow_start=jnp.asarray(starts(graphs.overflow_size)),
            arrays={name: jnp.asarray(array) for name, array in arrays.items()},
        )

    def with_budget(self, rows: np.ndarray) -> "MolGraphDataset":
        """Return the dataset whose batches hold at least `rows` = (atom rows, bond rows, overflow rows)."""
        atoms, bonds, overflow = (int(r) for r in rows)
        return replace(self, budget=(round_up(atoms + 1), round_up(bonds + 1), round_up(overflow)))

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> MolGraphBatch:
        """Return the padded batch of the molecules `ids` [B], on the device. `key` is not used."""
        n, b, v = self.budget
        own = self.arrays
        atoms = gather_rows(self.start, own["size"], ids, n)
        bonds = gather_rows(self.bond_start, own["bond_count"], ids, b)
        extra = gather_rows(self.overflow_start, own["overflow_size"], ids, v)

        ends = own["ends"][bonds.source].astype(jnp.int32) + atoms.first[bonds.group][:, None]
        overflow_atom = own["overflow_atom"][extra.source].astype(jnp.int32) + atoms.first[extra.group]
        rows_of = lambda local, rows: _edge_rows(local, bonds.first[rows.group], rows.real, none=2 * b)
        edges = Edges(
            receivers=jnp.where(bonds.real[:, None], ends, n - 1)[:, ::-1].reshape(-1),
            incoming=rows_of(own["incoming"][atoms.source], atoms),
            overflow_atom=jnp.where(extra.real, overflow_atom, n - 1),
            overflow=rows_of(own["overflow"][extra.source], extra),
        )
        return MolGraphBatch(
            atoms=_atom_features(own["atom"][atoms.source], own["mass"][atoms.source], atoms.real),
            bonds=_bond_features(own["bond"][bonds.source], bonds.real),
            edges=edges,
            molecule=atoms.group,
            real=atoms.real,
            size=atoms.size,
            properties=jnp.where(ids[:, None] >= 0, own["properties"][jnp.maximum(ids, 0)], 0.0),
        )


def _edge_rows(local: jax.Array, first_bond: jax.Array, real: jax.Array, none: int) -> jax.Array:
    """Return the rows of the batch of directed edges that are given within their molecules, [rows, K]."""
    rows = local.astype(jnp.int32) + 2 * first_bond[:, None]
    return jnp.where(real[:, None] & (local >= 0), rows, none)


def _atom_features(columns: jax.Array, mass: jax.Array, real: jax.Array) -> jax.Array:
    """Return the features of atoms [n, ATOM_WIDTH]; columns [n, 7] as in `MolGraphs.atom`, mass and real [n]."""
    numbers = [*_one_hot(columns, ATOM_CATEGORIES), columns[:, -1:].astype(jnp.float32), mass[:, None]]
    return jnp.where(real[:, None], jnp.concatenate(numbers, axis=1), 0.0)


def _bond_features(columns: jax.Array, real: jax.Array) -> jax.Array:
    """Return the features of bonds [b, BOND_WIDTH]; columns [b, 4] as in `MolGraphs.bond`, real [b]."""
    numbers = [*_one_hot(columns, BOND_CATEGORIES), columns[:, len(BOND_CATEGORIES) :].astype(jnp.float32)]
    return jnp.where(real[:, None], jnp.concatenate(numbers, axis=1), 0.0)


def _one_hot(columns: jax.Array, categories: dict[str, int]) -> list[jax.Array]:
    """Return the first columns, one-hot: [rows, categories] of each."""
    return [jax.nn.one_hot(columns[:, k], count) for k, count in enumerate(categories.values())]
