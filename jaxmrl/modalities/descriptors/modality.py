"""The modalities of classical models: feature sets that scikit-learn fits on the host."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxmrl.io.cache import CountDone
from jaxmrl.modalities import traits
from jaxmrl.modalities.base import Modality, Model, Molecules
from jaxmrl.modalities.descriptors.features import (
    Descriptors,
    ecfp_counts,
    joined,
    maccs_keys,
    no_descriptors,
    rdkit_properties,
)
from jaxmrl.progress import ProgressReporter

_Computed = Callable[[list[str], CountDone | None], Descriptors]


def _featurize(
    molecules: Molecules,
    settings: dict[str, Any],
    reporter: ProgressReporter,
    *,
    parts: dict[str, _Computed],
) -> Descriptors:
    found = []
    for title, compute in parts.items():
        with reporter.progress(title, len(molecules), "molecules") as progress:
            found.append(compute(molecules.canonical_smiles, progress.advance))
    return joined(found)


def _labels_alone(molecules: Molecules, settings: dict[str, Any], reporter: ProgressReporter) -> Descriptors:
    return no_descriptors(len(molecules))


def _traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    return [*traits.elements(smiles), *traits.fragments(smiles)]


def _no_traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    return []


def _classical(name: str, title: str) -> Model:
    return Model(name, width=0, depth=0, dropout=0.0, learning_rate=0.0, build=None, title=title)


FITTED = (
    _classical("rf", "random forest"),
    _classical("svm", "SVM"),
    _classical("gp", "Gaussian process"),
    _classical("ridge", "ridge regression"),
    _classical("knn", "nearest neighbors"),
    _classical("lightgbm", "LightGBM"),
)
"""The classical models of every feature set."""

_ECFP: dict[str, _Computed] = {"ECFP counts": ecfp_counts}
_MACCS: dict[str, _Computed] = {"MACCS keys": maccs_keys}
_RDKIT: dict[str, _Computed] = {"RDKit descriptors": rdkit_properties}


def _modality(name: str, parts: dict[str, _Computed]) -> Modality:
    return Modality(
        name=name,
        models=FITTED,
        optimizer="adam",
        schedule="constant",
        featurize=partial(_featurize, parts=parts),
        to_device=None,
        traits=_traits,
    )


ECFP = _modality("ecfp", _ECFP)
MACCS = _modality("maccs", _MACCS)
RDKIT = _modality("rdkit", _RDKIT)
ECFP_RDKIT = _modality("ecfp-rdkit", _ECFP | _RDKIT)

LABELS = Modality(
    name="labels",
    models=(_classical("mean", "training mean"),),
    optimizer="adam",
    schedule="constant",
    featurize=_labels_alone,
    to_device=None,
    traits=_no_traits,
    needs_smiles=False,
)
"""No feature at all: its model predicts the mean of the training labels, the reference of every curve."""

DESCRIPTORS = (ECFP, MACCS, RDKIT, ECFP_RDKIT, LABELS)
