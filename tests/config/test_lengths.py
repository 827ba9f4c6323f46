"""How long replicas are trained: a minimum of steps, epochs by the model, and both in words."""

from jaxmrl.config import SweepConfig
from jaxmrl.config.lengths import length_of, length_text
from jaxmrl.config.names import DEFAULT_MIN_STEPS


def test_a_minimum_of_steps_is_the_default_but_not_of_a_length_in_epochs():
    """The default's first points are not of 30 steps; --epochs alone stays the study's protocol."""
    assert length_of(SweepConfig(), "gin", 1) == (DEFAULT_MIN_STEPS, DEFAULT_MIN_STEPS // 30)
    assert length_of(SweepConfig(), "gin", 17) == (30 * 17, 1)
    assert length_of(SweepConfig(), "dmpnn", 26) == (20 * 26, 1)
    assert length_of(SweepConfig(epochs=100), "dmpnn", 1) == (100, 1)
    assert length_of(SweepConfig(epochs=100, min_steps=500), "gin", 2) == (500, 2)
    assert length_of(SweepConfig(steps=7), "gin", 2) == (7, 1)
    assert length_of(SweepConfig(min_steps=100, evaluate_every=2), "gin", 3) == (102, 2)


def test_the_length_in_words_is_of_the_models_that_have_epochs():
    both = SweepConfig(model=("dmpnn", "gin", "svm"))
    assert length_text(both) == f"20 or 30 epochs each, {DEFAULT_MIN_STEPS} steps at least"
    assert length_text(both, "gin") == f"30 epochs each, {DEFAULT_MIN_STEPS} steps at least"
    assert length_text(both, "svm") == length_text(SweepConfig(model=("svm",))) == ""
    assert length_text(SweepConfig(epochs=7)) == "7 epochs each"
    assert length_text(SweepConfig(steps=7, model=("dmpnn", "gin"))) == "7 steps each"
