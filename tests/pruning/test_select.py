import numpy as np
import pytest

from jaxmrl.errors import ConfigError
from jaxmrl.pruning.methods import METHODS, methods_for
from jaxmrl.pruning.select import Scores, canonical_order, keep_first

SCORES = Scores(
    np.array([7, 3, 5, 9]), {"el2n": np.array([[1.0, 4.0, 4.0, np.nan], [1.0, 2.0, 2.0, np.nan]], np.float32)}
)


def test_mean_spread_and_rank():
    np.testing.assert_allclose(SCORES.score("el2n"), [1, 3, 3, np.nan])
    np.testing.assert_allclose(SCORES.spread("el2n"), [0, 2**0.5, 2**0.5, np.nan])
    assert SCORES.order("el2n").tolist() == [3, 5, 7, 9], "largest first, ties in order, no score last"
    assert SCORES.rank("el2n").tolist() == [3, 1, 2, 4]
    assert SCORES.order("el2n", "easy").tolist() == [7, 3, 5, 9]
    alone = Scores(SCORES.molecules, {"el2n": SCORES.values["el2n"][:1]})
    assert np.isnan(alone.spread("el2n")).all()
    joint = Scores(SCORES.molecules, SCORES.values, {"el2n": np.array([4.0, 3.0, 2.0, 1.0])})
    assert joint.order("el2n").tolist() == [7, 3, 5, 9], "a method's own way goes before the mean"


def test_keep_is_hard_or_easy():
    with pytest.raises(ConfigError, match="hard or easy; got '0'"):
        keep_first(np.zeros(2), "0")


def test_canonical_order_follows_the_molecules():
    canonical = np.array([5, 1, 9, 1, 4], np.uint64)
    assert canonical_order(np.array([0, 1, 2, 3]), canonical).tolist() == [1, 3, 0, 2]


def test_methods_without_a_meaning_are_refused():
    assert [m.name for m in methods_for((), "regression")] == [
        "random",
        "el2n",
        "grand",
        "grand-last",
        "tracin",
        "herding",
        "kmeans",
        "moderate",
        "prototypicality",
        "ccs",
    ]
    assert len(methods_for((), "classification")) == len(METHODS) == 16
    with pytest.raises(ConfigError, match=r"entropy is not defined for regression.*choose from random, el2n"):
        methods_for(("el2n", "entropy"), "regression")
