"""The data sets of the database, and their molecules."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.data.duplicates import deduplicate
from jaxmrl.data.parsing import prepare
from jaxmrl.data.table import read_table
from jaxmrl.modalities.descriptors.features import Descriptors, ecfp_counts
from jaxmrl.reports.terminal import Reporter

MOST_MOLECULES = 2_500
"""Molecules of a target; of larger data sets a random sample is taken."""


@dataclass(frozen=True)
class Source:
    """A file of molecules.

    name     of the data set in the database; leaving one data set out leaves out all of its targets
    file     path below the folder of data
    smiles   the column of molecules
    targets  the columns that models predict, each alone
    task     classification or regression
    """

    name: str
    file: str
    smiles: str
    targets: tuple[str, ...]
    task: str = "regression"

    @property
    def metric(self) -> str:
        return "roc_auc" if self.task == "classification" else "rmse"


@dataclass(frozen=True)
class Target:
    """The labeled molecules of one target: SMILES [N], labels [N], and counts of ECFP substructures [N, 2048]."""

    name: str
    smiles: list[str]
    labels: np.ndarray
    features: Descriptors


_ADME = (
    "LOG HLM_CLint (mL/min/kg)",
    "LOG MDR1-MDCK ER (B-A/A-B)",
    "LOG SOLUBILITY PH 6.8 (ug/mL)",
    "LOG RLM_CLint (mL/min/kg)",
)
_SIDER = ("Eye disorders", "Hepatobiliary disorders")
_TOXCAST = ("ACEA_T47D_80hr_Negative", "APR_HepG2_CellLoss_72h_dn")


def _assays(name: str, *targets: str, smiles: str = "smiles") -> Source:
    return Source(name, f"{name}.csv.gz", smiles, targets, "classification")


MOLECULE_NET = (
    _assays("bace", "Class", smiles="mol"),
    _assays("bbbp", "p_np"),
    _assays("clintox", "CT_TOX"),
    _assays("sider", *_SIDER),
    _assays("tox21", "NR-AhR", "SR-ARE"),
    _assays("toxcast", *_TOXCAST),
    _assays("hiv", "HIV_active"),
    Source("esol", "delaney.csv.gz", "smiles", ("logp",)),
    Source("freesolv", "freesolv.csv.gz", "smiles", ("freesolv",)),
    Source("lipo", "lipo.csv.gz", "smiles", ("lipo",)),
    Source("qm8", "qm8.csv.gz", "smiles", ("E1-CC2",)),
)


def sources(folder: Path) -> list[Source]:
    """Return the data sets, small ones first."""
    simpd = [
        Source(path.name.split("-")[0], f"simpd/{path.name}", "canonical_smiles", ("pchembl_value",))
        for path in sorted(folder.glob("simpd/*.csv.gz"))
    ]
    cliffs = [
        Source(path.name.split("_")[0], f"moleculeace/{path.name}", "smiles", ("pX",))
        for path in sorted(folder.glob("moleculeace/*.csv.gz"))
    ]
    adme = Source("adme", "adme_biogen.csv.gz", "SMILES", _ADME)
    return [*simpd, *cliffs, *MOLECULE_NET, adme]


def targets_of(source: Source, folder: Path) -> list[Target]:
    """Return the targets of a data set: each molecule once, MOST_MOLECULES of those with a label at random."""
    columns = read_table(
        folder / source.file, smiles_column=source.smiles, target_columns=source.targets, task=source.task
    )
    molecules, _ = deduplicate(prepare(columns), "mean", Reporter(quiet=True))
    rng, kept = np.random.default_rng(0), {}
    for column, name in enumerate(source.targets):
        known = np.flatnonzero(~np.isnan(molecules.table.labels[:, column]))
        kept[name] = column, rng.permutation(known)[:MOST_MOLECULES]
    used = np.unique(np.concatenate([rows for _, rows in kept.values()]))
    counts = ecfp_counts([molecules.canonical_smiles[row] for row in used])
    return [
        Target(
            name,
            [molecules.canonical_smiles[row] for row in rows],
            molecules.table.labels[rows, column],
            _taken(counts, np.searchsorted(used, rows)),
        )
        for name, (column, rows) in kept.items()
    ]


def _taken(features: Descriptors, rows: np.ndarray) -> Descriptors:
    return Descriptors(features.counts[rows], features.values[rows])
