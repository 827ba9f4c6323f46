import numpy as np
import pytest

from jaxmrl.errors import DataError
from jaxmrl.scaling.blocks import blocks_of
from jaxmrl.scaling.points import points_of

N = np.geomspace(100, 6400, 7)
PLACE, BLOCK = np.tile(np.arange(7), 5), np.repeat(np.arange(5), 7)
LEVELS = np.array([0.8, 0.9, 1.0, 1.1, 1.2])


def folds(sd=0.01, levels=LEVELS, seed=0):
    noise = np.random.default_rng(seed).normal(size=(5, 7))
    return (2 * N**-0.3 * levels[:, None] * np.exp(sd * noise)).ravel()


def test_what_folds_share_is_a_level_and_the_rest_noise():
    found = blocks_of(7, PLACE, folds(), BLOCK)
    assert found.spread == pytest.approx(np.std(LEVELS, ddof=1), rel=0.05)
    assert found.level == pytest.approx(found.spread / np.sqrt(5))
    assert found.dof.sum() == pytest.approx(24)
    assert np.sqrt(found.squares.sum() / 24) == pytest.approx(0.01, rel=0.3)


def test_runs_without_any_metric_are_no_curve():
    seeds = np.array(["seed 0", "seed 1"])
    with pytest.raises(DataError, match=r"a curve needs two sizes; got 0 \(2 runs left out"):
        points_of([100, 200], [np.nan, np.nan], higher_is_better=True, run=seeds)


def test_a_missing_cell_is_filled_in():
    whole = blocks_of(7, PLACE, folds(0.001), BLOCK)
    kept = np.delete(np.arange(35), [34])
    part = blocks_of(7, PLACE[kept], folds(0.001)[kept], BLOCK[kept])
    np.testing.assert_allclose(part.mean, whole.mean, rtol=0.002)
    assert part.dof.sum() == pytest.approx(23)


def test_large_sizes_with_fewer_folds_keep_their_level():
    """Three of five folds lack the three largest sizes, and the largest has one: the curve is that of all five."""
    whole = blocks_of(7, PLACE, folds(0.001), BLOCK)
    kept = np.flatnonzero(~((BLOCK >= 2) & (PLACE >= 4)) & ~((BLOCK == 1) & (PLACE == 6)))
    part = blocks_of(7, PLACE[kept], folds(0.001)[kept], BLOCK[kept])
    np.testing.assert_allclose(part.mean, whole.mean, rtol=0.005)
    assert part.dof.sum() == pytest.approx(24 - 10)


def test_sizes_that_share_no_fold_with_others_are_no_blocks():
    place, block = np.repeat([0, 0, 1, 1, 2, 2], 2), np.array([0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7])
    assert blocks_of(3, place, np.ones(12), block) is None


def noted(kept):
    run = np.array([f"fold {k}" for k in BLOCK])[kept]
    return " ".join(points_of(np.tile(N, 5)[kept].round(), folds()[kept], higher_is_better=False, run=run).notes)


def test_a_note_names_the_missing_folds():
    assert "the same 5 folds at all sizes: their" in noted(np.arange(35))
    one = noted(~((BLOCK == 4) & (PLACE == 5)))
    assert "the same 5 folds at most sizes (fold 4 is missing at 3,200): their common levels" in one
    two = noted(~((BLOCK >= 3) & (PLACE >= 5)))
    assert "at most sizes (fold 3 and fold 4 are missing at 3,200 and 6,400): their common levels" in two


def test_a_seed_that_is_far_from_the_others_at_all_sizes_is_named():
    error = folds(levels=np.array([1, 1.1, 0.9, 1, 4]))
    run = np.array([f"seed {k}" for k in BLOCK])
    (note,) = points_of(np.tile(N, 5), error, higher_is_better=False, run=run).notes
    assert note.endswith("; the error of seed 4 is 4 times that of the others")


def test_a_size_whose_runs_are_far_apart_is_named():
    n, block = np.tile(N, 4), np.repeat(np.arange(4), len(N))
    error = 2 * n**-0.4 * np.exp(np.random.default_rng(0).normal(0, 0.03, len(n)))
    assert points_of(n, error, higher_is_better=False).notes == ()
    failed = np.where((n == N[-1]) & (block < 2), 6 * error, error)
    (note,) = points_of(n, failed, higher_is_better=False).notes
    assert note.startswith("the runs of 6,400 molecules are much farther apart than those of other sizes")


@pytest.mark.parametrize("level", [2.5, 3, 10, 0.1])
def test_one_of_three_seeds_is_far_from_both_others(level):
    """The median of two others lies between them, so the good seeds are far from it, too."""
    n, block = np.tile(N, 3), np.repeat(np.arange(3), len(N))
    error = 2 * n**-0.4 * np.array([1, level, 1.05])[block]
    (note,) = points_of(n, error, higher_is_better=False, run=np.array([f"seed {k}" for k in block])).notes
    assert "; the error of seed 1 is" in note
    assert note.count("; the error of") == 1


def test_runs_of_other_labels_at_each_size_are_no_blocks():
    assert blocks_of(7, PLACE, folds(), np.arange(35)) is None
    assert blocks_of(1, np.zeros(5, int), np.ones(5), np.arange(5)) is None


def test_seeds_without_a_level_of_their_own_change_next_to_nothing():
    error, n = folds(0.05, np.ones(5)), np.tile(N, 5)
    plain = points_of(n, error, higher_is_better=False)
    seeds = points_of(n, error, higher_is_better=False, run=np.array([f"seed {k}" for k in BLOCK]))
    np.testing.assert_allclose(seeds.error, plain.error)
    np.testing.assert_allclose(seeds.sd, plain.sd, rtol=0.2)
    assert seeds.level < 0.02


def test_the_level_of_folds_is_theirs_and_that_of_seeds_is_not():
    n = np.tile(N, 5)
    by_name = {
        name: points_of(n, folds(), higher_is_better=False, run=np.array([f"{name} {k}" for k in BLOCK]))
        for name in ("fold", "seed")
    }
    assert by_name["fold"].level == 0
    assert by_name["seed"].level == pytest.approx(np.std(LEVELS, ddof=1) / np.sqrt(5), rel=0.05)
    np.testing.assert_array_equal(by_name["fold"].sd, by_name["seed"].sd)
