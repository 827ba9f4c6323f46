"""2D graphs on the device: batches of atoms, each with the rows of its neighbors."""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import jraph
import numpy as np

from jaxmrl.modalities.flat_rows import gather_rows, graph_sizes, round_up, starts
from jaxmrl.modalities.graph.features import BOND_FEATURES, NO_NEIGHBOR, Graphs

BYTES_OF_WORD = 4


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GraphDataset:
    """The 2D graphs of a whole table, flat; `graphs.Graphs` describes the arrays.

    bonds: the counts of each atom, four of them as bytes of an int32 [A]. Of an array [A, 9] of bytes, a TPU would make
    a copy with rows of 128 in each call.
    `budget` is (node rows, overflow rows) of a batch. One node row at least is padding, as jraph expects.
    """

    start: jax.Array
    size: jax.Array
    overflow_start: jax.Array
    overflow_size: jax.Array
    atom: jax.Array
    chirality: jax.Array
    neighbor: jax.Array
    bonds: tuple[jax.Array, ...]
    overflow: jax.Array
    budget: tuple[int, int] = field(metadata={"static": True}, default=(0, 0))

    @classmethod
    def to_device(cls, graphs: Graphs) -> "GraphDataset":
        """Return the dataset of `graphs` on the default device."""
        # A gather needs a row to read even where the table has no overflow.
        overflow = np.pad(graphs.overflow, ((0, 1), (0, 1)), constant_values=NO_NEIGHBOR)
        return cls(
            start=jnp.asarray(starts(graphs.size)),
            size=jnp.asarray(graphs.size),
            overflow_start=jnp.asarray(starts(graphs.overflow_size)),
            overflow_size=jnp.asarray(graphs.overflow_size),
            atom=jnp.asarray(graphs.atom),
            chirality=jnp.asarray(graphs.chirality),
            neighbor=jnp.asarray(graphs.neighbour),
            bonds=tuple(jnp.asarray(words) for words in packed(graphs.bonds)),
            overflow=jnp.asarray(overflow),
        )

    def with_budget(self, rows: np.ndarray) -> "GraphDataset":
        """Return the dataset whose batches have at least `rows` = (node rows, overflow rows)."""
        nodes, overflow = (int(r) for r in rows)
        return replace(self, budget=(round_up(nodes + 1), round_up(overflow)))

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> jraph.GraphsTuple:
        """Return the padded batch of the molecules `ids` [B], on the device. `key` is not used.

        nodes: atom, chirality [n]; bonds [n, 9] float32; graph [n], the index of each row's molecule;
        neighbors [n, 4], rows of the batch, where n + j is overflow row j and n + v is none;
        overflow [v, D], rows of the batch, where n is none. n_node [B + 1]: the padding rows belong to the first
        graph after the real ones. `edges`, `senders` and `receivers` are None: the neighbors ride in `nodes`.
        """
        nodes, rows = self.budget
        atoms = gather_rows(self.start, self.size, ids, nodes)
        extra = gather_rows(self.overflow_start, self.overflow_size, ids, rows)

        local = self.neighbor[atoms.source].astype(jnp.int32)
        inside = local + atoms.first[atoms.group][:, None]
        beyond = nodes + extra.first[atoms.group][:, None] - 2 - local
        none = nodes + rows
        neighbors = jnp.where(local >= 0, inside, jnp.where(local == NO_NEIGHBOR, none, beyond))
        further = self.overflow[extra.source].astype(jnp.int32)
        further = jnp.where((further >= 0) & extra.real[:, None], further + atoms.first[extra.group][:, None], nodes)

        n_node, is_node = graph_sizes(atoms, ids), atoms.real
        return jraph.GraphsTuple(
            nodes={
                "atom": jnp.where(is_node, self.atom[atoms.source], 0),
                "chirality": jnp.where(is_node, self.chirality[atoms.source], 0),
                "bonds": jnp.where(is_node[:, None], self._bonds_of(atoms.source), 0).astype(jnp.float32),
                "graph": atoms.group,
                "neighbors": jnp.where(is_node[:, None], neighbors, none),
                "overflow": further,
            },
            edges=None,
            senders=None,
            receivers=None,
            globals=None,
            n_node=n_node,
            n_edge=jnp.zeros_like(n_node),
        )

    def _bonds_of(self, atoms: jax.Array) -> jax.Array:
        """Return the counts of bonds of `atoms` [n], [n, BOND_FEATURES]."""
        words = jnp.stack([word[atoms] for word in self.bonds], axis=1)
        shifts = jnp.arange(BYTES_OF_WORD, dtype=jnp.int32) * 8
        counts = (words[:, :, None] >> shifts[None, None, :]) & 0xFF
        return counts.reshape(len(atoms), BYTES_OF_WORD * len(self.bonds))[:, :BOND_FEATURES]


def packed(columns: np.ndarray) -> np.ndarray:
    """Return the columns of bytes [A, K], four in a number, the first one lowest: [K / 4, A] int32."""
    rows = np.pad(columns, ((0, 0), (0, -columns.shape[1] % BYTES_OF_WORD)))
    return np.ascontiguousarray(rows.view("<i4").astype(np.int32).T)
