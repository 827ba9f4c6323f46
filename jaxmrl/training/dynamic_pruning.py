"""Dynamic pruning: the molecules that each epoch of a replica trains on, chosen anew between epochs.

A dynamic pruning uses the labels of all training molecules: it saves compute and no labels. Its epochs have as many
molecules, and so as many optimizer steps, as those of a random subset of the same fraction.

The choice of an epoch is a pure function of the replica's name and seed, of the epoch, and of what training has
recorded of the molecules. NumPy only; `replica.PruningState` is the part on the device.
"""

from dataclasses import dataclass

import numpy as np

from jaxmrl.config.names import INFOBATCH, MOLPEG, SOFT_RANDOM

UNPRUNED_SHARE = 8
"""InfoBatch does not prune in the last eighth of the epochs: the paper's delta is 0.875."""

_CHOICE, _PASS = 1, 2
"""They follow the epoch in the seed of a generator, so that it is not the one that shuffles the epoch's batches."""


def pruned_until(method: str, epochs: int) -> int:
    """Return the first of `epochs` epochs, from 0, from which a scored method takes molecules in turn again."""
    return epochs - epochs // UNPRUNED_SHARE if method == INFOBATCH else epochs


@dataclass(frozen=True)
class DynamicPruning:
    """A dynamic pruning.

    Attributes:
        method: One of `config.names.DYNAMIC_PRUNINGS`.
        size: The number of molecules in an epoch.
    """

    method: str
    size: int

    def weights(
        self, molecules: int, epoch: int, epochs: int, entropy: tuple[int, int], scores: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the weight of each training molecule in the loss of an epoch; 0 for one that is left out.

        `soft-random` takes random molecules. The others begin with a pass over all molecules, in epochs of `size`,
        because they know nothing of a molecule that they have not trained on. See `infobatch_weights` and
        `molpeg_weights` for what they do then.

        Args:
            molecules: The number of training molecules, n.
            epoch: The epoch, from 0.
            epochs: The number of epochs of the replica.
            entropy: Two numbers that identify the replica, by `streams.entropy`.
            scores: What training has recorded of each molecule, [n]: inf before it was trained on. None for
                `soft-random`.

        Returns:
            [n] float32; `size` of them are not 0. Their mean is 1.
        """
        rng = np.random.default_rng([*entropy, epoch, _CHOICE])
        if scores is None:
            return _only(rng.permutation(molecules)[: self.size], molecules)
        in_pass = -(-molecules // self.size)
        last = pruned_until(self.method, epochs)
        if epoch < in_pass:
            return self._in_pass(molecules, epoch, [*entropy, 0, _PASS])
        if epoch >= last:
            place = (epoch - last) % in_pass
            return self._in_pass(molecules, place, [*entropy, epoch - place, _PASS])
        known = np.where(np.isnan(scores), np.inf, scores)  # of a replica that diverges
        return _WEIGHTS[self.method](known, self.size, rng)

    def _in_pass(self, molecules: int, place: int, seed: list[int]) -> np.ndarray:
        """Return the weights of the epoch at `place` in a pass over all molecules, in an order by `seed`.

        The last epoch of a pass may have too few molecules left, and takes some of the first ones again.
        """
        order = np.random.default_rng(seed).permutation(molecules)
        return _only(np.concatenate([order[place * self.size :], order])[: self.size], molecules)


def recorded(pruning: DynamicPruning | None) -> str | None:
    """Return the method of a dynamic pruning that chooses by scores that training records; None for any other."""
    return None if pruning is None or pruning.method == SOFT_RANDOM else pruning.method


def infobatch_weights(losses: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the weights of molecules in an epoch by InfoBatch (Qin et al., ICLR 2024).

    Molecules whose loss is below the mean are dropped with probability r, and those of them that are kept weigh
    1 / (1 - r), so that the expected gradient of an epoch is that of all molecules. Here r follows from the size of an
    epoch. If the molecules above the mean are more than half of that, only the hardest ones up to half are kept with
    certainty: the threshold is then a quantile, as in a variant of the authors' code. All weights are divided by their
    mean, which changes no step of Adam, but keeps the scale of the loss for the clipping of gradients.

    Args:
        losses: The loss of each molecule when it was last trained on, [n]; inf for one that was not.
        size: The number of molecules to keep.
        rng: The generator that drops molecules.

    Returns:
        [n] float32; 0 for the molecules that are dropped. The expected sum of the weighted losses, over `size`, is the
        mean of all losses.
    """
    known = losses[np.isfinite(losses)]
    above = int((losses >= known.mean()).sum()) if len(known) else 0
    order = np.argsort(-losses, kind="stable")
    certain, others = np.split(order, [min(above, size // 2)])
    kept = rng.permutation(others)[: size - len(certain)]
    weights = np.zeros(len(losses), np.float64)
    weights[certain], weights[kept] = 1.0, len(others) / len(kept)
    return (weights * (size / len(losses))).astype(np.float32)


def molpeg_weights(discrepancies: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the weights of molecules in an epoch by MolPeg (Chen et al., NeurIPS 2024).

    It keeps the molecules with the largest absolute difference between the loss by the model in training and the loss
    by a reference model, an exponential moving average of it: the easiest and the hardest ones. All weigh the same.

    The paper begins from a pre-trained encoder. Here the reference begins as the initial weights of the replica,
    whatever they are. It is updated after every step, as in the published code, whose rate of one half it has; and it
    has the dropout masks of the model in training, so that the score is no difference between masks.

    Args:
        discrepancies: The score of each molecule when it was last trained on, [n]; inf for one that was not.
        size: The number of molecules to keep.
        rng: The generator that orders molecules with equal scores.

    Returns:
        [n] float32: 1 for the molecules that are kept, else 0.
    """
    shuffle = rng.permutation(len(discrepancies))
    order = shuffle[np.argsort(-discrepancies[shuffle], kind="stable")]
    return _only(order[:size], len(discrepancies))


_WEIGHTS = {INFOBATCH: infobatch_weights, MOLPEG: molpeg_weights}


def _only(kept: np.ndarray, molecules: int) -> np.ndarray:
    """Return 1 for the molecules `kept`, else 0, [n] float32."""
    weights = np.zeros(molecules, np.float32)
    weights[kept] = 1.0
    return weights
