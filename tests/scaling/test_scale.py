import numpy as np
import pytest

from jaxmrl.errors import ConfigError, DataError
from jaxmrl.scaling.scale import scale_of


@pytest.mark.parametrize(
    ("metric", "values", "higher", "best"),
    [
        ("roc_auc", [0.6, 0.9], True, 1),
        ("roc_auc", [60, 90], True, 100),
        ("Accuracy [%]", [1.5, 3.0], True, 100),
        ("acc_pct", [60, 90], True, 100),
        ("r2", [-0.5, 0.9], True, 1),
        ("score", [-0.5, 0.9], True, 1),
        ("rmse", [0.6, 90], False, 0),
        ("mape (%)", [60, 90], False, 0),
        ("neg_root_mean_squared_error", [-3, -2], True, 0),
        ("neg_brier_score", [-0.3, -0.2], True, 0),
        ("neg_log_loss", [-0.3, -0.2], True, 0),
        ("nll", [0.3, 0.2], False, 0),
        ("neg_log_likelihood", [0.3, 0.2], False, 0),
        ("negative log-likelihood", [0.3, 0.2], False, 0),
        ("perplexity", [9, 4], False, 1),
        ("EF2%", [5, 20], True, 50),
        ("EF 1%", [5, 20], True, 100),
        ("enrichment_factor_5%", [5, 15], True, 20),
    ],
)
def test_the_perfect_value_is_known_by_name_and_values(metric, values, higher, best):
    scale = scale_of(metric, np.array(values))
    assert (scale.higher, scale.best) == (higher, pytest.approx(best))


@pytest.mark.parametrize(
    ("metric", "values", "message"),
    [
        ("nll", [-0.5, 0.3], "give --best"),
        ("log_likelihood", [-3, -2], "give --best"),
        ("nll", [-0.5, 0.3], "a bound below all values, on which forecasts depend"),
        ("log_likelihood", [-3, -2], "0 for log probabilities of classes or tokens; of a density, a bound above all"),
        ("log_likelihood", [1, 2], r"a perfect model \(a bound above all values"),
        ("elbo", [-300, -200], "0 for log probabilities of classes or tokens"),
        ("score", [-60, -20], "0 for negated errors; else a bound above all values"),
        ("score", [60, 90], "100 for percentages; else a bound above all values"),
        ("score", [600, 900], r"a perfect model \(a bound above all values"),
        ("log_loss", [-0.4, -0.2], "if these are negated errors, give --higher-is-better"),
        ("neg_log_loss", [0.4, 0.2], "if these are errors, give --lower-is-better"),
        ("1-AUC", [0.3, 0.2], "is a higher '1-AUC' better or worse"),
        ("rmse", [-3, -2], "rmse has the value -3, which is better than 0"),
        ("neg_mean_squared_error", [3, 2], "has the value 3, which is better than 0"),
        ("roc_auc", [0.6, 1.2], "has the value 1.2, which is better than 1"),
        ("roc_auc", [1.06, 1.18], "values from 1.06 to 1.18, which are neither fractions, of which 1 is perfect, nor"),
        ("accuracy", [0.62, 75, 81], "values from 0.62 to 81, .* give --best 100 if all are in percent"),
        ("roc_auc %", [0.6, 0.9], "is in percent by its name, but no value is above 0.9"),
    ],
)
def test_what_is_not_known_is_asked_about(metric, values, message):
    with pytest.raises(DataError, match=message):
        scale_of(metric, np.array(values))


def test_low_percentages_are_believed_if_they_are_called_so():
    assert scale_of("average_precision", np.array([0.6, 1.4, 1.8]), best=100).best == 100
    assert scale_of("average_precision_pct", np.array([0.6, 1.4, 1.8])).best == 100


def test_the_direction_that_a_message_asks_for_is_enough():
    for name, values, higher in (("log_loss", [-0.4, -0.2], True), ("neg_log_loss", [0.4, 0.2], False)):
        scale = scale_of(name, np.array(values), higher=higher)
        assert (scale.higher, scale.best) == (higher, 0)


def test_a_perfect_value_that_the_values_alone_tell_says_so():
    assert scale_of("nll", np.array([0.3, 0.2])).text.endswith("0 is perfect (by its name; no value is below 0)")
    assert scale_of("rmse", np.array([0.3, 0.2])).text.endswith("0 is perfect (by its name)")


def test_targets_and_guesses_are_in_the_unit_of_the_metric():
    scale = scale_of("roc_auc", np.array([60.0, 90.0]))
    assert scale.error_of_guessing(None) == 50
    assert scale.error_of_guessing(40) == 60
    scale.check_target(95)
    with pytest.raises(ConfigError, match="--target must be below 100, the perfect roc_auc; got 100"):
        scale.check_target(100)
    with pytest.raises(ConfigError, match="--guess must be worse than 100"):
        scale.error_of_guessing(101)


def test_a_target_in_percent_of_a_fraction_has_a_hint():
    scale = scale_of("roc_auc", np.array([0.7, 0.8]))
    with pytest.raises(ConfigError, match=r"must be below 1, the perfect roc_auc; got 85; give 0\.85 for 85%"):
        scale.check_target(85)
    with pytest.raises(ConfigError, match=r"got 1\.5$"):
        scale.check_target(1.5)
