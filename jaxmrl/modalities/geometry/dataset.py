"""Geometries on the device: batches of atoms, and of pairs of atoms within the cutoff, as jraph's edges."""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import jraph
import numpy as np

from jaxmrl.modalities.flat_rows import gather_rows, graph_sizes, round_up, starts
from jaxmrl.modalities.geometry.features import Geometries


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GeometryDataset:
    """The geometries of a whole table, flat; `geometries.Geometries` describes the arrays.

    `budget` is (pair rows, node rows) of a batch; at least one row of each is padding.
    """

    start: jax.Array
    size: jax.Array
    pair_start: jax.Array
    pair_count: jax.Array
    atom: jax.Array
    position: jax.Array
    ends: jax.Array
    pairs: jax.Array
    cutoff: float = field(metadata={"static": True})
    budget: tuple[int, int] = field(metadata={"static": True}, default=(0, 0))

    @classmethod
    def to_device(cls, geometries: Geometries) -> "GeometryDataset":
        """Return the dataset of `geometries` on the default device."""
        # A gather needs a row to read even where no molecule has two atoms.
        ends = np.pad(geometries.ends, ((0, 1), (0, 0)))
        return cls(
            start=jnp.asarray(starts(geometries.size)),
            size=jnp.asarray(geometries.size),
            pair_start=jnp.asarray(starts(geometries.pair_count)),
            pair_count=jnp.asarray(geometries.pair_count),
            atom=jnp.asarray(geometries.atom),
            position=jnp.asarray(geometries.position),
            ends=jnp.asarray(ends),
            pairs=jnp.asarray(geometries.pairs),
            cutoff=geometries.cutoff,
        )

    def with_budget(self, rows: np.ndarray) -> "GeometryDataset":
        """Return the dataset whose batches have at least `rows` = (pair rows, node rows)."""
        pairs, nodes = (round_up(int(count) + 1) for count in rows)
        return replace(self, budget=(pairs, nodes))

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> jraph.GraphsTuple:
        """Return the padded batch of the molecules `ids` [B], on the device. `key` is not used.

        nodes: atom, graph [n]; pairs [n, K], the rows of each atom's pairs, and others [n, K], the atoms at their
        other ends; the last rows, which are padding, where there is none. edges [p, 3]: from the sender to the
        receiver of each pair in Å, as long as the cutoff in padding rows. A pair stands once. n_node, n_edge
        [B + 1]: the padding rows belong to the first graph after the real ones.
        """
        pair_rows, node_rows = self.budget
        atoms = gather_rows(self.start, self.size, ids, node_rows)
        between = gather_rows(self.pair_start, self.pair_count, ids, pair_rows)

        ends = self.ends[between.source].astype(jnp.int32) + atoms.first[between.group][:, None]
        ends = jnp.where(between.real[:, None], ends, node_rows - 1)
        position = self.position[atoms.source]
        vector = position[ends[:, 1]] - position[ends[:, 0]]
        beyond = jnp.array([self.cutoff, 0.0, 0.0], jnp.float32)

        local = self.pairs[atoms.source].astype(jnp.int32)
        has_pair = atoms.real[:, None] & (local < between.size[atoms.group][:, None])
        pairs = jnp.where(has_pair, local + between.first[atoms.group][:, None], pair_rows - 1)
        others = ends.sum(axis=1)[pairs] - jnp.arange(node_rows)[:, None]
        return jraph.GraphsTuple(
            nodes={
                "atom": jnp.where(atoms.real, self.atom[atoms.source], 0),
                "graph": atoms.group,
                "pairs": pairs,
                "others": jnp.where(has_pair, others, node_rows - 1),
            },
            edges=jnp.where(between.real[:, None], vector, beyond[None, :]),
            senders=ends[:, 0],
            receivers=ends[:, 1],
            globals=None,
            n_node=graph_sizes(atoms, ids),
            n_edge=graph_sizes(between, ids),
        )
