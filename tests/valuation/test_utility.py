import numpy as np

from jaxmrl.valuation.utility import constant_utility, label_utilities, margins, model_utilities, targets_of

LABELS = np.array([[1.0, 0.0], [np.nan, 1.0]])
LOGITS = np.array([[[0.0, -50.0], [7.0, np.log(3.0)]]])


def test_in_classification_it_is_the_probability_of_the_observed_class():
    np.testing.assert_allclose(label_utilities(LOGITS, LABELS, None), [[[0.5, 1.0], [np.nan, 0.75]]], atol=1e-4)
    np.testing.assert_allclose(model_utilities(LOGITS, LABELS, None), [0.75], atol=1e-4)
    np.testing.assert_allclose(margins(LOGITS, LABELS)[0, 0], [0.0, 10.0])
    np.testing.assert_allclose(targets_of(LOGITS, LABELS, None), [[0.0, 10.0, np.log(3.0)]])
    assert constant_utility(LABELS, None, np.zeros(2)) == 0.5


def test_in_regression_it_is_minus_the_squared_error_in_standard_deviations():
    outputs, spreads = np.array([[[3.0, 0.0], [9.0, 5.0]]]), np.array([1.0, 2.0])
    np.testing.assert_allclose(targets_of(outputs, LABELS, spreads), [[-4.0, 0.0, -4.0]])
    assert model_utilities(outputs, LABELS, spreads)[0] == -8 / 3
    assert constant_utility(LABELS, spreads, np.array([1.0, 1.0])) == -(0.25 + 0) / 3


def test_a_model_that_diverged_has_no_utility():
    assert np.isnan(model_utilities(np.full((1, 2, 2), np.nan), LABELS, None)).all()
