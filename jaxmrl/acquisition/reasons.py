"""Why a molecule was chosen, in a sentence that a chemist can check against the columns beside it."""

import numpy as np

from jaxmrl.acquisition.methods import Candidates, Picks


def reasons(picks: Picks, candidates: Candidates, scale: str, minimized: bool) -> list[str]:
    """Return a sentence for each molecule of a batch.

    Args:
        picks: The batch.
        candidates: All molecules that the batch was chosen from.
        scale: What is predicted, such as the name of the task.
        minimized: Whether low values are wanted, so that the predictions of the candidates are the negative values.
    """
    sign = -1.0 if minimized else 1.0
    nearest = similarity_when_chosen(picks, candidates)
    places = {name: _ranks(name, candidates)[picks.rows] for name in dict.fromkeys(picks.methods)}
    many = f"of {len(candidates):,}"
    texts = []
    for k, (row, name) in enumerate(zip(picks.rows, picks.methods, strict=True)):
        mean, spread, place = candidates.mean[row], candidates.spread[row], places[name][k]
        texts.append(
            {
                "greedy": f"{'lowest' if minimized else 'highest'} predicted {scale}: rank {place:,} {many}",
                "uncertainty": f"models disagree by {spread:.3g}: rank {place:,} {many}",
                "ei": f"expected improvement over the best label: rank {place:,} {many}",
                "ucb": f"{scale} may be as {'low' if minimized else 'high'} as {sign * candidates.optimism()[row]:.4g} "
                f"(prediction {sign * mean:.4g} and twice the spread): rank {place:,} {many}",
                "diverse": f"unlike known molecules: similarity {nearest[k]:.2f} to the nearest labeled or selected "
                "one",
                "badge": f"models disagree by {spread:.3g}, and similarity {nearest[k]:.2f} to the nearest labeled or "
                "selected one",
                "random": "drawn at random, as a check of the predictions",
            }[name]
        )
    return texts


def similarity_when_chosen(picks: Picks, candidates: Candidates) -> np.ndarray:
    """Return 1 less the distance [m] of each molecule to the nearest that was labeled, or earlier in the batch."""
    space, nearest = candidates.space.take(picks.rows), candidates.novelty[picks.rows].astype(np.float64)
    for k in range(len(nearest) - 1):
        later = slice(k + 1, None)
        nearest[later] = np.minimum(nearest[later], space.distances(k)[later])
    return 1 - nearest


def _ranks(name: str, candidates: Candidates) -> np.ndarray:
    """Return the rank [n] of each candidate by the score of a method, 1 for the largest; of equals, the same."""
    scores = {
        "greedy": lambda: candidates.mean,
        "uncertainty": lambda: candidates.spread,
        "ei": candidates.log_improvement,
        "ucb": candidates.optimism,
    }
    score = scores.get(name, lambda: np.zeros(len(candidates)))()
    return len(score) - np.searchsorted(np.sort(score), score, side="right") + 1
