"""Learning curves of classical models on fingerprints: what forecasts are tried on besides the published curves.

    python -m benchmarks.classical_curves [--json FILE]

Nine fractions and five shuffles, the study's, of scikit-learn's models on 1,024 bits of ECFP4, on data sets of the
registry ($JAXMRL_DATA has those that are not embedded). A sixth of the molecules is the test set.
"""

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, roc_auc_score, root_mean_squared_error
from sklearn.naive_bayes import BernoulliNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from jaxmrl.config.names import STUDY_FRACTIONS
from jaxmrl.data.datasets import load_dataset
from jaxmrl.data.parsing import prepare
from jaxmrl.modalities.fingerprint.features import morgan_fingerprints

CURVES = Path(__file__).with_name("classical_curves.json")
SHUFFLES = 5
TASKS = {"wehi": (0, 1), "nci": (0,), "hiv": (0,), "tox21": (0, 2, 6), "lipo": (0,), "bbbp": (0,), "bace": (0,)}
TASKS |= {"qm8": (0, 4), "esol": (0,)}
MOST_FOR_NEIGHBOURS = 20_000

CLASSIFIERS: dict[str, Callable] = {
    "forest": lambda seed: RandomForestClassifier(60, min_samples_leaf=2, random_state=seed),
    "logistic": lambda seed: LogisticRegression(C=0.1, max_iter=200, solver="liblinear"),
    "neighbours": lambda seed: KNeighborsClassifier(5),
    "bayes": lambda seed: BernoulliNB(),
}
REGRESSORS: dict[str, Callable] = {
    "forest": lambda seed: RandomForestRegressor(60, min_samples_leaf=2, max_features=0.3, random_state=seed),
    "ridge": lambda seed: Ridge(10.0),
    "neighbours": lambda seed: KNeighborsRegressor(5),
}


def judged(model, x, y, x_test, y_test, classes: bool) -> dict[str, float]:
    """Metrics of a model fitted to x, y; those of guesses where y has one class only."""
    if not classes:
        return {"rmse": root_mean_squared_error(y_test, model.fit(x, y).predict(x_test))}
    if len(set(y)) < 2:
        return {"roc_auc": 0.5, "average_precision": float(y_test.mean())}
    scores = model.fit(x, y).predict_proba(x_test)[:, 1]
    return {"roc_auc": roc_auc_score(y_test, scores), "average_precision": average_precision_score(y_test, scores)}


def curves_of_task(name: str, x: np.ndarray, y: np.ndarray, classes: bool) -> dict[str, dict]:
    """{name of curve: its sizes, runs and the metric of guesses} for every model."""
    order = np.random.default_rng(42).permutation(len(y))
    test, train = np.split(order, [len(y) // 6])
    sizes = [int(fraction * len(train)) for fraction in STUDY_FRACTIONS]
    found = {}
    for model, make in (CLASSIFIERS if classes else REGRESSORS).items():
        if model == "neighbours" and (len(train) > MOST_FOR_NEIGHBOURS or sizes[0] < 5):
            continue
        shuffles = [np.random.default_rng(seed).permutation(train) for seed in range(SHUFFLES)]
        runs = [
            [judged(make(seed), x[rows[:n]], y[rows[:n]], x[test], y[test], classes) for n in sizes]
            for seed, rows in enumerate(shuffles)
        ]
        for metric in runs[0][0]:
            values = [[round(float(at[metric]), 5) for at in run] for run in runs]
            guess = {"roc_auc": 0.5, "average_precision": round(float(y[test].mean()), 5)}.get(metric)
            found[f"{name} {model} {metric}"] = {"metric": metric, "n": sizes, "runs": values, "guess": guess}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, default=CURVES)
    flags = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    found: dict[str, dict] = {}
    for name, tasks in TASKS.items():
        prepared = prepare(load_dataset(name))
        bits = np.unpackbits(morgan_fingerprints(prepared.canonical_smiles, 2, 1024, False), axis=1).astype(np.float32)
        classes = prepared.table.task == "classification"
        for task in tasks:
            labels = prepared.table.labels[:, task]
            known = ~np.isnan(labels)
            found |= curves_of_task(f"{name} task {task}", bits[known], labels[known], classes)
            print(f"{name} task {task}: {len(found)} curves", flush=True)
    flags.json.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "\n}\n")


if __name__ == "__main__":
    main()
