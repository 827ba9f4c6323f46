"""The registry: embedded data sets made from molecules the RDKit wheel ships, and the MoleculeNet sets."""

import csv
import gzip
import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jaxmrl.data.prepare import cache_directory
from jaxmrl.data.table import Table, read_table
from jaxmrl.errors import ConfigError, DataError

_BUCKET = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/"
_MOLECULENET = "Wu et al., MoleculeNet, Chemical Science 2018"


@dataclass(frozen=True)
class Dataset:
    """Where a data set is found and how it is read.

    file       its name in $JAXMRL_DATA and in the cache
    smiles     names the SMILES column may have
    targets    the task columns; for each, the names it may have. Empty: every numeric column but `ignored`
    address    where it is downloaded from; None for an embedded set, which `build` writes
    unit       of the labels, where there is one
    """

    name: str
    task: str
    metric: str
    about: str
    citation: str
    file: str
    smiles: tuple[str, ...] = ("smiles",)
    targets: tuple[tuple[str, ...], ...] = ()
    ignored: tuple[str, ...] = ("mol_id",)
    address: str | None = None
    build: Callable[[], list[list[str]]] | None = None
    unit: str = ""


def _wildman_crippen_rows() -> list[list[str]]:
    """NCI first_5K with Crippen logP. A line RDKit cannot parse keeps an empty label, to be rejected with a reason."""
    from rdkit import RDConfig
    from rdkit.Chem import Crippen

    from jaxmrl.data.graphs import UnusableMoleculeError, parse

    rows = [["smiles", "crippen_logp"]]
    for line in (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines():
        smiles = line.split()[0] if line.strip() else ""
        try:
            rows.append([smiles, f"{Crippen.MolLogP(parse(smiles)):.5f}"])
        except UnusableMoleculeError:
            rows.append([smiles, ""])
    return rows


def _alert_labels(smiles: list[str]) -> list[list[str]]:
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    from jaxmrl.data.graphs import UnusableMoleculeError, parse

    catalogues = [FilterCatalog(getattr(FilterCatalogParams.FilterCatalogs, name)) for name in ("PAINS", "BRENK")]
    rows = []
    for text in smiles:
        try:
            molecule = parse(text)
            rows.append([text, *(str(int(catalogue.HasMatch(molecule))) for catalogue in catalogues)])
        except UnusableMoleculeError:
            rows.append([text, "", ""])
    return rows


def _structural_alert_rows() -> list[list[str]]:
    """The WEHI screening molecules with their PAINS (Baell & Holloway 2010) and Brenk (2008) alerts."""
    import joblib
    from rdkit import RDConfig

    path = Path(RDConfig.RDDataDir) / "Pains" / "test_data" / "wehi_mols.csv"
    with path.open(newline="") as file:
        smiles = [row[0] for row in csv.reader(file)]
    chunks = [smiles[start : start + 500] for start in range(0, len(smiles), 500)]
    parts = joblib.Parallel(n_jobs=-1)(joblib.delayed(_alert_labels)(chunk) for chunk in chunks)
    return [["smiles", "pains_alert", "brenk_alert"], *(row for part in parts for row in part)]


def _moleculenet(name, task, metric, about, file, remote, **more) -> Dataset:
    return Dataset(name, task, metric, about, _MOLECULENET, file, address=_BUCKET + remote, **more)


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "nci",
            "regression",
            "rmse",
            "NCI first_5K from the RDKit wheel; labels computed: Crippen logP",
            "Wildman & Crippen, J. Chem. Inf. Comput. Sci. 1999 (the label)",
            "nci.csv.gz",
            targets=(("crippen_logp",),),
            build=_wildman_crippen_rows,
        ),
        Dataset(
            "wehi",
            "classification",
            "roc_auc",
            "10,000 screening molecules from the RDKit wheel; labels computed: PAINS and Brenk alerts",
            "Baell & Holloway, J. Med. Chem. 2010; Brenk et al., ChemMedChem 2008 (the labels)",
            "wehi.csv.gz",
            targets=(("pains_alert",), ("brenk_alert",)),
            build=_structural_alert_rows,
        ),
        _moleculenet(
            "hiv",
            "classification",
            "roc_auc",
            "HIV replication inhibition",
            "hiv.csv.gz",
            "HIV.csv",
            targets=(("HIV_active",),),
        ),
        _moleculenet("muv", "classification", "roc_auc", "17 PubChem bioassays", "muv.csv.gz", "muv.csv.gz"),
        _moleculenet(
            "pcba", "classification", "average_precision", "128 PubChem bioassays", "pcba.csv.gz", "pcba.csv.gz"
        ),
        _moleculenet("tox21", "classification", "roc_auc", "12 toxicity assays", "tox21.csv.gz", "tox21.csv.gz"),
        _moleculenet(
            "toxcast", "classification", "roc_auc", "617 toxicity assays", "toxcast.csv.gz", "toxcast_data.csv.gz"
        ),
        _moleculenet(
            "sider", "classification", "roc_auc", "27 classes of side effects", "sider.csv.gz", "sider.csv.gz"
        ),
        _moleculenet(
            "clintox",
            "classification",
            "roc_auc",
            "FDA approval and trial toxicity",
            "clintox.csv.gz",
            "clintox.csv.gz",
            targets=(("FDA_APPROVED",), ("CT_TOX",)),
        ),
        _moleculenet(
            "bace",
            "classification",
            "roc_auc",
            "BACE-1 inhibition",
            "bace.csv.gz",
            "bace.csv",
            smiles=("mol",),
            targets=(("Class",),),
        ),
        _moleculenet(
            "bbbp",
            "classification",
            "roc_auc",
            "blood-brain barrier penetration",
            "bbbp.csv.gz",
            "BBBP.csv",
            targets=(("p_np",),),
        ),
        _moleculenet(
            "esol",
            "regression",
            "rmse",
            "water solubility",
            "delaney.csv.gz",
            "delaney-processed.csv",
            targets=(("logp", "measured log solubility in mols per litre"),),
            unit="log mol/L",
        ),
        _moleculenet(
            "freesolv",
            "regression",
            "rmse",
            "hydration free energy",
            "freesolv.csv.gz",
            "SAMPL.csv",
            targets=(("freesolv", "expt"),),
            unit="kcal/mol",
        ),
        _moleculenet(
            "lipo",
            "regression",
            "rmse",
            "octanol/water logD",
            "lipo.csv.gz",
            "Lipophilicity.csv",
            targets=(("lipo", "exp"),),
            unit="log D",
        ),
        _moleculenet(
            "qm8",
            "regression",
            "mae",
            "16 electronic spectra properties",
            "qm8.csv.gz",
            "qm8.csv",
            unit="a.u.",
        ),
    )
}


def get_dataset(name: str) -> Dataset:
    """The registry's entry; raises ConfigError naming the valid ones."""
    if name not in DATASETS:
        raise ConfigError(f"unknown data set {name!r}; choose from {', '.join(DATASETS)}, or give --csv FILE")
    return DATASETS[name]


def load_dataset(name: str) -> Table:
    """The table of a registered data set, found, built or downloaded."""
    dataset = get_dataset(name)
    path = locate(dataset)
    header = _header(path)
    return read_table(
        path,
        smiles_column=_present(dataset.smiles, header),
        target_columns=tuple(_present(names, header) for names in dataset.targets),
        ignored_columns=dataset.ignored,
        task=dataset.task,
    )


def locate(dataset: Dataset) -> Path:
    """The data set's file: in $JAXMRL_DATA, else in the cache, where it is first built or downloaded."""
    folder = os.environ.get("JAXMRL_DATA")
    if folder and (Path(folder) / dataset.file).exists():
        return Path(folder) / dataset.file
    path = cache_directory() / "datasets" / dataset.file
    if path.exists():
        return path
    return _build(dataset, path) if dataset.build else _download(dataset, path)


def _present(names: tuple[str, ...], header: list[str]) -> str:
    return next((name for name in names if name in header), names[0])


def _header(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}; delete it to get it anew") from None


def _build(dataset: Dataset, path: Path) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(dataset.build())
    # mtime=0: the same molecules give the same bytes.
    return _write(path, gzip.compress(text.getvalue().encode(), mtime=0))


def _download(dataset: Dataset, path: Path) -> Path:
    import pooch

    by_hand = f"put the file by hand at {path}, or set JAXMRL_DATA to a folder that has {dataset.file}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            downloader = pooch.HTTPDownloader(progressbar=_Bar(dataset.name), timeout=30)
            found = Path(pooch.retrieve(dataset.address, None, "data", folder, downloader=downloader))
            content = found.read_bytes()
    except Exception as error:  # requests, urllib3 and pooch raise many kinds; the user's remedy is the same
        raise DataError(
            f"cannot download {dataset.name} from {dataset.address} ({type(error).__name__}); {by_hand}"
        ) from None
    if not dataset.address.endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    _write(path, content)
    print(f"downloaded {dataset.name} to {path} (SHA-256 {hashlib.sha256(content).hexdigest()})")
    return path


def _write(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; set JAXMRL_CACHE to a folder that can be") from None
    return path


class _Bar:
    """pooch's interface for a progress bar, drawn by rich."""

    def __init__(self, name: str):
        self.name, self.total, self._progress = name, 0, None

    def update(self, amount: int) -> None:
        if self._progress is None:
            from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

            self._progress = Progress(*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn())
            self._task = self._progress.add_task(f"downloading {self.name}", total=self.total or None)
            self._progress.start()
        self._progress.advance(self._task, amount)

    def reset(self) -> None:
        if self._progress:
            self._progress.reset(self._task)

    def close(self) -> None:
        if self._progress:
            self._progress.stop()
