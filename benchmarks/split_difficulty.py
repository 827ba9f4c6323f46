"""How hard is the test set of one random split, compared with others? A control that knows nothing of our models.

    python -m benchmarks.split_difficulty [--dataset hiv] [--fraction 0.1] [--split-seeds 42 0 1 ...] [--seeds 3]

A random forest on ECFP4 learns the same subsets that a sweep would, and is judged on each split's validation and test
molecules. The spread of its test ROC-AUC over splits is what a curve owes to the draw of its test set, and a published
curve on another draw may differ by it. Needs the `test` extra (scikit-learn).
"""

import argparse

import numpy as np
from joblib import Parallel, delayed
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from jaxmrl.data import splits
from jaxmrl.data.datasets import load_dataset
from jaxmrl.data.parsing import prepare

CHUNK = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="hiv", help="one task, classification")
    parser.add_argument("--fraction", type=float, default=0.1)
    parser.add_argument("--split-seeds", type=int, nargs="+", default=[42, *range(11)])
    parser.add_argument("--seeds", type=int, default=3)
    flags = parser.parse_args()
    data = prepare(load_dataset(flags.dataset))
    smiles, labels = data.table.smiles, data.table.labels[:, 0]
    chunks = [smiles[start : start + CHUNK] for start in range(0, len(smiles), CHUNK)]
    features = np.concatenate(Parallel(-1)(delayed(fingerprints)(chunk) for chunk in chunks))
    cuts = [splits.random_split(data.table.ids, data.table.rows, seed) for seed in flags.split_seeds]
    grid = [(split, seed) for split in cuts for seed in range(flags.seeds)]
    aucs = Parallel(-1)(delayed(forest_auc)(features, labels, flags.fraction, *place) for place in grid)
    means = np.reshape(aucs, (len(flags.split_seeds), flags.seeds, 2)).mean(axis=1)
    for split_seed, (valid, test) in zip(flags.split_seeds, means, strict=True):
        print(f"split seed {split_seed:>3}: validation {valid:.4f}  test {test:.4f}")
    others = means[1:, 1]
    if len(others) > 1:
        print(f"test over all but the first: {others.mean():.4f} ± {others.std(ddof=1):.4f}")


def fingerprints(smiles: list[str]) -> np.ndarray:
    """ECFP4, 1,024 bits, [n, 1024]."""
    generator = rdFingerprintGenerator.GetMorganGenerator(2, fpSize=1024)
    with rdBase.BlockLogs():
        return np.stack([generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(text)) for text in smiles])


def forest_auc(features, labels, fraction: float, split: splits.Split, seed: int) -> tuple[float, float]:
    """ROC-AUC on the validation and on the test molecules of a forest trained on the subset of `seed`."""
    train = splits.subset_order(split.train, seed)[: splits.subset_size(fraction, len(split.train))]
    forest = RandomForestClassifier(200, min_samples_leaf=2, random_state=seed).fit(features[train], labels[train])
    parts = (split.valid, split.test)
    return tuple(roc_auc_score(labels[ids], forest.predict_proba(features[ids])[:, 1]) for ids in parts)


if __name__ == "__main__":
    main()
