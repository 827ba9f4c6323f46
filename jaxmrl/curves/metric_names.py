"""What the name of a metric says: whether more of it is better, its perfect value, and the value of guesses."""

import re
import unicodedata

HIGHER = (
    "roc_auc auc auroc rocauc average_precision ap auprc pr_auc aupr map prc r2 r_squared q2 accuracy acc f1 mcc kappa "
    "precision recall sensitivity specificity spearman spearmanr pearson pearsonr kendall ccc bedroc ndcg jaccard dice"
).split()
"""Names of metrics that are better when higher, with 1 as the perfect value."""

OPEN_HIGHER = "score scores log_likelihood loglikelihood loglik elbo ef enrichment enrichment_factor lift".split()
"""Names of metrics that are better when higher, and whose perfect value the name does not say."""

LOWER = "rmse mae mse error err log_loss logloss cross_entropy brier mape smape msle rmsd medae deviance ece".split()
"""Names of metrics that are better when lower, with 0 as the perfect value."""

OPEN_LOWER = "nll nlpd loss perplexity".split()
"""Names of metrics that are better when lower, and that a density takes below 0 or that end elsewhere."""

_LIKELIHOODS = "log_likelihood loglikelihood loglik elbo nll nlpd".split()
"""Names of log-likelihoods, which a density takes above 0."""

TRAINING, VALIDATION = PARTS = frozenset({"train", "training"}), frozenset({"valid", "val", "validation", "dev"})
"""Words in the name of a metric for the part of the data that it is of, where that is not the test set."""

DEVIATION = "sd std stdev stddev std_dev standard_deviation".split()
"""Names of the standard deviation of runs."""

ERROR_OF_MEAN = "se sem stderr std_err std_error standard_error".split()
"""Names of the standard error of a mean."""

SPREADS = {"se": ERROR_OF_MEAN, "sd": DEVIATION}
"""Names of each kind of spread."""

_GUESSES = (
    (0.0, "average_precision ap auprc pr_auc aupr prc r2 r_squared".split()),
    (0.5, "roc_auc auc auroc rocauc".split()),
)
"""The metric of guesses; those of precision come first, because their names may contain auc."""

_TURNED = ("1_", "one_minus_", "minus_")
"""Beginnings of a name that turn a metric round, so that its name no longer says which way is better."""

_NEGATED = ("neg_", "negative_")

_LOGGED = re.compile(r"^(?:metrics|params|config|summary)[./]")
"""What exports of MLflow and Weights & Biases put in front of names."""

_PERCENT = re.compile(r"%|(^|[^a-z])(pct|percent|percentage)([^a-z]|$)", re.IGNORECASE)
_INTERVAL = re.compile(
    r"[(\[]?\s*(?<![0-9A-Za-z])\d{2}\s?%?[\s_]*(?:c\.?i\.?|confidence interval)(?![A-Za-z])\s*[)\]]?", re.IGNORECASE
)
_ENRICHMENT = re.compile(r"(?:^|[^a-z])(?:ef|enrichment(?:[ _-]factor)?)[ _@-]*([0-9.]+) ?_?(?:%|pct|percent)", re.I)


def plain_name(name: str) -> str:
    """Return the name in lower case, with _ for whatever is neither letter nor digit, and R² as r2."""
    plain = _LOGGED.sub("", unicodedata.normalize("NFKC", name).lower())
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def direction_of(metric: str) -> bool | None:
    """Return whether more of a metric is better, by its name; None where the name does not tell, as for 1 - AUC."""
    words = plain_name(metric)
    if words.startswith(_TURNED):
        return None
    if inner := _negated(words):
        better = direction_of(inner)
        return None if better is None else not better
    if _ENRICHMENT.search(metric):
        return True
    higher, lower = (has_name(words, [*names, *more]) for names, more in ((HIGHER, OPEN_HIGHER), (LOWER, OPEN_LOWER)))
    if higher and lower:  # a "brier score" is a Brier loss: "score" alone says little
        higher = has_name(words, HIGHER)
    return None if higher == lower else higher


def perfect_of(metric: str) -> float | None:
    """Return the perfect value of a metric as a fraction, by its name; None where the name does not tell.

    1 for ROC-AUC and perplexity, 0 for RMSE and neg_mean_squared_error, and 100 / x for the enrichment factor of the
    top x %.
    """
    words = plain_name(metric)
    if words.startswith(_TURNED):
        return None
    if inner := _negated(words):
        perfect = perfect_of(inner)
        return None if perfect is None else 0.0 - perfect
    if (found := _ENRICHMENT.search(metric)) and float(found[1]) > 0:
        return 100 / float(found[1])
    better = direction_of(metric)
    if better is False and has_name(words, ["perplexity"]):
        return 1.0
    if better is None or not has_name(words, HIGHER if better else LOWER):
        return None
    return float(better)


def metric_in(name: str) -> str | None:
    """Return the name of the metric that a column's name contains, such as rmse of RMSE seed 0; None where none is."""
    words = plain_name(name)
    return next((metric for metric in [*HIGHER, *LOWER] if has_name(words, [metric])), None)


def is_likelihood(metric: str) -> bool:
    """Return whether a metric that is better when higher is a log-likelihood or a bound of one, by its name."""
    words = plain_name(metric)
    return bool(direction_of(metric)) and has_name(words, _LIKELIHOODS)


def is_percent(metric: str) -> bool:
    """Return whether the name says that the metric is in percent; of an enrichment factor it says which molecules."""
    return bool(_PERCENT.search(without_interval(metric))) and not _ENRICHMENT.search(metric)


def without_interval(name: str) -> str:
    """Return a name without the mention of a confidence interval, as in AUC (95% CI)."""
    return _INTERVAL.sub("", name).strip()


def guess_of(metric: str) -> float | None:
    """Return the metric of guesses, by its name: 0.5 of ROC-AUC, 0 of average precision and R2; None of others."""
    words = plain_name(metric)
    for guess, names in _GUESSES:
        if has_name(words, names):
            return guess
    return None


def has_name(words: str, names: list[str]) -> bool:
    """Return whether one of the names stands in the words, whole."""
    return any(f"_{name}_" in f"_{words}_" for name in names)


def _negated(words: str) -> str | None:
    """Return what is negated: of neg_mean_squared_error the squared error."""
    return next((words.removeprefix(start) for start in _NEGATED if words.startswith(start)), None)
