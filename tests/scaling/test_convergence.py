import numpy as np
import pytest

from jaxmrl.scaling.convergence import best_is_late, convergence_of, training_flags


@pytest.mark.parametrize(
    ("best_epoch", "epochs", "late"),
    [(30, 30, True), (28, 30, True), (27, 30, False), (3, 3, True), (2, 3, False), (1, 1, True), (91, 100, True)],
)
def test_the_last_tenth_has_one_epoch_at_least(best_epoch, epochs, late):
    assert best_is_late(best_epoch, epochs) is late


def curve(best_epochs):
    """Of {size: best epochs of its runs}, all of 30 epochs."""
    n = np.repeat(list(best_epochs), [len(runs) for runs in best_epochs.values()])
    best = np.concatenate(list(best_epochs.values()))
    return convergence_of(n, best, np.full(len(n), 30))


def test_short_training_is_flagged_with_its_sizes():
    (flag,) = training_flags(curve({40: [30, 29, 5], 200: [30, 30, 11], 400: [12, 30, 9]}))
    assert flag.startswith("4 of 6 replicas at 40 and 200 molecules had their best validation in the last tenth")


def test_one_size_of_which_all_runs_are_late_is_enough():
    assert training_flags(curve({40: [5, 6, 7], 200: [9, 8, 7], 400: [30, 30, 28], 800: [9, 9, 9]}))


def test_no_flag_without_late_runs_or_where_chance_explains_them():
    assert not training_flags(curve({40: [5, 6, 7], 200: [9, 8, 7]}))
    assert not training_flags(curve({size: [30] if size == 1 else [9] for size in range(1, 10)}))


def test_false_alarms_are_rare_where_every_epoch_is_as_likely_the_best():
    rng = np.random.default_rng(0)
    drawn = rng.integers(1, 31, (400, 9, 3))
    flagged = [bool(training_flags(curve({k: one[k].tolist() for k in range(9)}))) for one in drawn]
    assert np.mean(flagged) < 0.1
