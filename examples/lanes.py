"""The idea of jaxmrl in plain JAX: all trainings of a learning curve are lanes of one compiled program.

A learning curve needs many trainings ("replicas"), here 6 sizes x 4 seeds. `train` is written for one replica, and
scans over its optimizer steps. `vmap` makes a lane of every replica, and `jit` compiles the lanes once:

    python examples/lanes.py
"""

from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem import Crippen
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

SIZES, SEEDS = (50, 100, 200, 400, 800, 1600), 4
BITS, WIDTH, BATCH, EPOCHS, MIN_STEPS, TEST = 1024, 64, 32, 10, 200, 400
optimizer = optax.adam(2e-3)


class Replica(NamedTuple):
    size: jax.Array  # molecules that it trains on
    steps: jax.Array  # optimizer steps that it takes
    seed: jax.Array  # decides its molecules, initial weights and batches


def molecules(count: int) -> tuple[jax.Array, jax.Array]:
    """Return Morgan fingerprints [count, BITS] and logP [count] of random molecules of those that ship with RDKit."""
    RDLogger.DisableLog("rdApp.*")
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    parsed = (Chem.MolFromSmiles(lines[k].split()[0]) for k in np.random.default_rng(0).permutation(len(lines)))
    mols = list(islice(filter(None, parsed), count))
    fingerprint = GetMorganGenerator(radius=2, fpSize=BITS).GetFingerprintAsNumPy
    x, y = np.array([fingerprint(mol) for mol in mols]), np.array([Crippen.MolLogP(mol) for mol in mols])
    return jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)


def initial(key: jax.Array) -> dict[str, jax.Array]:
    first, second = jax.random.split(key)
    hidden = jax.random.normal(first, (BITS, WIDTH)) * (2 / BITS) ** 0.5
    return {"hidden": hidden, "bias": jnp.zeros(WIDTH), "out": jax.random.normal(second, (WIDTH,)) / WIDTH**0.5}


def predict(weights: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    return jax.nn.relu(x @ weights["hidden"] + weights["bias"]) @ weights["out"]


def train(replica: Replica, x: jax.Array, y: jax.Array, longest: int) -> jax.Array:
    """Train one replica, within a scan of `longest` steps; return its MAE on the last TEST molecules."""
    key = jax.random.key(replica.seed)
    order = jax.random.permutation(key, len(x) - TEST)  # its first `size` molecules are the replica's own
    loss = lambda weights, ids: jnp.mean((predict(weights, x[ids]) - y[ids]) ** 2)

    def step(state, number):
        weights, moments = state
        places = jax.random.randint(jax.random.fold_in(key, number), (BATCH,), 0, replica.size)
        updates, moments = optimizer.update(jax.grad(loss)(weights, order[places]), moments)
        new = optax.apply_updates(weights, updates), moments
        # All lanes scan as far as the longest. A replica that has taken its steps keeps its state from then on.
        return jax.tree.map(lambda new, old: jnp.where(number < replica.steps, new, old), new, state), None

    weights = initial(key)
    (weights, _), _ = jax.lax.scan(step, (weights, optimizer.init(weights)), jnp.arange(longest))
    return jnp.abs(predict(weights, x[-TEST:]) - y[-TEST:]).mean()


def main() -> None:
    """Train the curve, print it, and compare one lane with the same replica trained alone."""
    x, y = molecules(max(SIZES) + TEST)
    size, seed = (grid.ravel() for grid in jnp.meshgrid(jnp.array(SIZES), jnp.arange(SEEDS), indexing="ij"))
    replicas = Replica(size, jnp.maximum(MIN_STEPS, EPOCHS * size // BATCH), seed)

    lanes = jax.vmap(partial(train, longest=int(replicas.steps.max())), in_axes=(0, None, None))
    errors = jax.jit(lanes)(replicas, x, y)

    for n, of_seeds in zip(SIZES, errors.reshape(len(SIZES), SEEDS), strict=True):
        mean, sd = of_seeds.mean(), of_seeds.std(ddof=1)
        print(f"{n:5} molecules: test MAE {mean:.3f} ± {sd:.3f}  {'#' * int(40 * mean)}")

    first = jax.tree.map(lambda values: values[0], replicas)
    alone = jax.jit(partial(train, longest=int(first.steps)))(first, x, y)
    print(f"the first replica in its lane: {errors[0]:.5f}; alone, without masked steps: {alone:.5f}")


if __name__ == "__main__":
    main()
