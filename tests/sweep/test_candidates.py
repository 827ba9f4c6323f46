"""The settings that are tried: the default, and a sample around it."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.sweep.candidates import ranges_for, sample
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import TrainingSpec

GIN = TrainingSpec(ModelSpec(8, 1, 0.5, 1, "float32", "gin"), "regression", "rmse", 1e-3)


def test_the_default_is_first_and_the_others_fill_the_ranges():
    ranges = ranges_for(GIN, 8.0)
    assert tuple(ranges) == ("learning_rate", "weight_decay", "dropout", "positive_weight")
    default, *others = sample(GIN.hyperparameters, ranges, 64)
    assert default == Hyperparameters(1e-3, 0.0, 0.5, 1.0)
    assert len(set(others)) == 63
    for name, (low, high, logarithmic) in ranges.items():
        values = np.array([getattr(one, name) for one in others])
        assert low <= values.min() < values.max() <= high
        middle = np.sqrt(low * high) if logarithmic else (low + high) / 2
        assert 0.45 < np.mean(values < middle) < 0.55, "as many below the middle as above"


def test_samples_are_the_same_each_time_and_the_smaller_is_the_beginning_of_the_larger():
    ranges = ranges_for(GIN, None)
    assert sample(GIN.hyperparameters, ranges, 5) == sample(GIN.hyperparameters, ranges, 9)[:5]


@pytest.mark.parametrize(
    ("training_spec", "negatives_per_positive", "names"),
    [
        (GIN, None, ["learning_rate", "weight_decay", "dropout"]),
        (replace(GIN, freeze=True), 2.0, ["learning_rate", "positive_weight"]),
    ],
)
def test_what_a_model_does_not_have_stays_at_its_default(training_spec, negatives_per_positive, names):
    ranges = ranges_for(training_spec, negatives_per_positive)
    assert list(ranges) == names
    _, other = sample(training_spec.hyperparameters, ranges, 2)
    assert all(getattr(other, name) != getattr(training_spec.hyperparameters, name) for name in names)
    assert (other.positive_weight == 1) == (negatives_per_positive is None)
