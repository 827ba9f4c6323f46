"""The registry: embedded data sets made from molecules the RDKit wheel ships, and the MoleculeNet sets."""

import collections
import csv
import gzip
import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmrl.data.npz import GEOMETRY_ARRAYS
from jaxmrl.data.table import Table, read_table, stream_smiles
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.formats.reading import read_header
from jaxmrl.io.cache import cache_directory, in_chunks, max_expanded, read_arrays, replacing
from jaxmrl.io.records import Rejected

if TYPE_CHECKING:
    from rich.progress import Progress

_BUCKET = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/"
_HIV, _BACE = (("HIV_active",),), (("Class",),)
_QM9_UNITS = {
    "mu": "D",
    "alpha": "a0^3",
    "homo": "eV",
    "lumo": "eV",
    "gap": "eV",
    "r2": "a0^2",
    "zpve": "eV",
    "U0": "eV",
    "U": "eV",
    "H": "eV",
    "G": "eV",
    "Cv": "cal/(mol K)",
}


@dataclass(frozen=True)
class Dataset:
    """Where a data set is found and how it is read. The public ones are as MoleculeNet (Wu et al. 2018) keeps them.

    tasks      how many task columns it has
    file       its name in $JAXMRL_DATA and in the cache
    smiles     names the SMILES column may have
    targets    the task columns; for each, the names it may have. Empty: every column but the SMILES and `ignored`
    address    where it is downloaded from; None for an embedded set, which `build` writes
    unit       of the labels, where they share one
    units      of each target, where they differ
    member     path of the file in the archive that `address` is, if it is one
    checksum   of what `address` gives, as pooch writes it, where its publisher tells one
    split_sizes   training and validation rows of the study's random split; None for 80 % and 10 %
    """

    name: str
    task: str
    metric: str
    tasks: int
    about: str
    citation: str
    file: str
    smiles: tuple[str, ...] = ("smiles",)
    targets: tuple[tuple[str, ...], ...] = ()
    ignored: tuple[str, ...] = ("mol_id",)
    address: str | None = None
    build: Callable[[], list[list[str]]] | None = None
    unit: str = ""
    units: tuple[tuple[str, str], ...] = ()
    split_sizes: tuple[int, int] | None = None
    member: str = ""
    checksum: str | None = None

    @property
    def is_npz(self) -> bool:
        """Whether it has positions instead of SMILES."""
        return self.file.endswith(".npz")


def _crippen_labels(smiles: list[str]) -> list[list[str]]:
    from rdkit.Chem import Crippen

    from jaxmrl.chem.molecules import UnusableMoleculeError, parse

    rows = []
    for text in smiles:
        try:
            rows.append([text, f"{Crippen.MolLogP(parse(text)):.5f}"])
        except UnusableMoleculeError:
            rows.append([text, ""])
    return rows


def _crippen_rows() -> list[list[str]]:
    """Return NCI first_5K with Crippen logP. A line that RDKit cannot parse keeps an empty label, to be rejected with a
    reason.
    """
    from rdkit import RDConfig

    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    smiles = [line.split()[0] if line.strip() else "" for line in lines]
    labeled = in_chunks(_crippen_labels, smiles, None)
    return [["smiles", "crippen_logp"], *(row for _, part in labeled for row in part)]


def _alert_labels(smiles: list[str]) -> list[list[str]]:
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    from jaxmrl.chem.molecules import UnusableMoleculeError, parse

    catalogs = [FilterCatalog(getattr(FilterCatalogParams.FilterCatalogs, name)) for name in ("PAINS", "BRENK")]
    rows = []
    for text in smiles:
        try:
            molecule = parse(text)
            rows.append([text, *(str(int(catalog.HasMatch(molecule))) for catalog in catalogs)])
        except UnusableMoleculeError:
            rows.append([text, "", ""])
    return rows


def _structural_alert_rows() -> list[list[str]]:
    """Return the WEHI screening molecules with their PAINS (Baell & Holloway 2010) and Brenk (2008) alerts."""
    from rdkit import RDConfig

    path = Path(RDConfig.RDDataDir) / "Pains" / "test_data" / "wehi_mols.csv"
    with path.open(newline="") as file:
        smiles = [row[0] for row in csv.reader(file)]
    labeled = in_chunks(_alert_labels, smiles, None)
    return [["smiles", "pains_alert", "brenk_alert"], *(row for _, part in labeled for row in part)]


def _public(
    name: str, kind: str, metric: str, tasks: int, about: str, citation: str, file: str, remote: str, **more: Any
) -> Dataset:
    return Dataset(name, kind, metric, tasks, about, citation, file, address=_BUCKET + remote, **more)


def _assays(name: str, metric: str, tasks: int, about: str, citation: str, remote: str, **more: Any) -> Dataset:
    return _public(name, "classification", metric, tasks, about, citation, f"{name}.csv.gz", remote, **more)


def _property(
    name: str, metric: str, tasks: int, about: str, citation: str, file: str, remote: str, **more: Any
) -> Dataset:
    return _public(name, "regression", metric, tasks, about, citation, file, remote, **more)


_ALL = (
    Dataset(
        name="nci",
        task="regression",
        # A few labels are far from the others and would decide an RMSE by themselves.
        metric="mae",
        tasks=1,
        about="NCI first_5K from the RDKit wheel; label computed: Crippen logP",
        citation="label: Wildman & Crippen 1999",
        file="nci.csv.gz",
        targets=(("crippen_logp",),),
        build=_crippen_rows,
    ),
    Dataset(
        name="wehi",
        task="classification",
        metric="roc_auc",
        tasks=2,
        about="10,000 screening molecules from the RDKit wheel; labels computed: PAINS and Brenk alerts",
        citation="labels: Baell & Holloway 2010, Brenk et al. 2008",
        file="wehi.csv.gz",
        targets=(("pains_alert",), ("brenk_alert",)),
        build=_structural_alert_rows,
    ),
    _assays("hiv", "roc_auc", 1, "HIV replication inhibition", "NCI AIDS Antiviral Screen", "HIV.csv", targets=_HIV),
    _assays("muv", "roc_auc", 17, "unbiased virtual screening", "Rohrer & Baumann 2009", "muv.csv.gz"),
    _assays("pcba", "average_precision", 128, "PubChem bioassays", "Wang et al. 2012", "pcba.csv.gz"),
    _assays("tox21", "roc_auc", 12, "toxicity assays", "Tox21 Challenge 2014", "tox21.csv.gz"),
    _assays("toxcast", "roc_auc", 617, "toxicity assays", "Richard et al. 2016", "toxcast_data.csv.gz"),
    _assays("sider", "roc_auc", 27, "classes of side effects", "Kuhn et al. 2016", "sider.csv.gz"),
    _assays("clintox", "roc_auc", 2, "approval and trial toxicity", "Gayvert et al. 2016", "clintox.csv.gz"),
    _assays(
        "bace", "roc_auc", 1, "BACE-1 inhibition", "Subramanian et al. 2016", "bace.csv", smiles=("mol",), targets=_BACE
    ),
    _assays("bbbp", "roc_auc", 1, "blood-brain barrier", "Martins et al. 2012", "BBBP.csv", targets=(("p_np",),)),
    _property(
        "esol",
        "rmse",
        1,
        "water solubility",
        "Delaney 2004",
        "delaney.csv.gz",
        "delaney-processed.csv",
        targets=(("logp", "measured log solubility in mol per liter"),),
        unit="log mol/L",
    ),
    _property(
        "freesolv",
        "rmse",
        1,
        "hydration free energy",
        "Mobley & Guthrie 2014",
        "freesolv.csv.gz",
        "SAMPL.csv",
        targets=(("freesolv", "expt"),),
        unit="kcal/mol",
    ),
    _property(
        "lipo",
        "rmse",
        1,
        "octanol/water logD",
        "AstraZeneca deposit in ChEMBL, Hersey 2015",
        "lipo.csv.gz",
        "Lipophilicity.csv",
        targets=(("lipo", "exp"),),
        unit="log D",
    ),
    _property("qm8", "mae", 16, "electronic spectra", "Ramakrishnan et al. 2015", "qm8.csv.gz", "qm8.csv"),
    Dataset(
        name="qm9",
        task="regression",
        metric="mae",
        tasks=1,
        about="quantum chemistry, with positions: gap, or by --target-columns any of mu, alpha, homo, ... Cv",
        citation="Ramakrishnan et al. 2014, as prepared by Gasteiger et al. 2020",
        file="qm9_eV.npz",
        targets=(("gap",),),
        address="https://github.com/gasteigerjo/dimenet/raw/master/data/qm9_eV.npz",
        units=tuple(_QM9_UNITS.items()),
        split_sizes=(110_000, 10_000),
    ),
    Dataset(
        name="pcqm4mv2",
        task="regression",
        metric="mae",
        tasks=1,
        about="quantum chemistry of 3.7 million molecules, for pre-training; label: HOMO-LUMO gap",
        citation="Nakata & Shimazaki 2017; Hu et al. 2021",
        file="pcqm4mv2.csv.gz",
        targets=(("homolumogap",),),
        ignored=("idx",),
        address="https://dgl-data.s3-accelerate.amazonaws.com/dataset/OGB-LSC/pcqm4m-v2.zip",
        unit="eV",
        member="pcqm4m-v2/raw/data.csv.gz",
        checksum="md5:65b742bafca5670be4497499db7d361b",
    ),
)
DATASETS = {dataset.name: dataset for dataset in _ALL}


def get_dataset(name: str) -> Dataset:
    """Return a data set of the registry. Raise ConfigError, naming the valid ones, if it has none of that name."""
    if name not in DATASETS:
        raise ConfigError(f"unknown data set {name!r}; choose from {', '.join(DATASETS)}, or give --csv FILE")
    return DATASETS[name]


def unit_of(dataset: Dataset, targets: tuple[str, ...]) -> str:
    """Return the unit that these targets share; empty if there is none."""
    units = {dict(dataset.units).get(target, dataset.unit) for target in targets}
    return units.pop() if len(units) == 1 else ""


def load_dataset(name: str, target_columns: tuple[str, ...] = ()) -> Table:
    """Return the table of a data set, found, built or downloaded, with all its tasks or those named."""
    dataset = get_dataset(name)
    if dataset.is_npz:
        raise ConfigError(f"{name} has positions, not SMILES: load_problem reads it")
    path = locate(dataset)
    header = read_header(path)
    smiles = _present(dataset.smiles, header)
    targets = target_columns or tuple(_present(names, header) for names in dataset.targets)
    everything = tuple(name for name in header if name not in (smiles, *dataset.ignored))
    table = read_table(path, smiles_column=smiles, target_columns=targets or everything, task=dataset.task)
    if not target_columns and len(table.tasks) != dataset.tasks:
        raise DataError(f"{path} has {len(table.tasks)} task columns, {name} has {dataset.tasks}; replace the file")
    return table


def locate(dataset: Dataset) -> Path:
    """Return the data set's file: in $JAXMRL_DATA, else in the cache, where it is first built or downloaded."""
    folder = os.environ.get("JAXMRL_DATA")
    if folder and (Path(folder) / dataset.file).exists():
        return Path(folder) / dataset.file
    path = cache_directory() / "datasets" / dataset.file
    if path.exists():
        return path
    return _build(dataset.build, path) if dataset.build else _download(dataset, path)


def smiles_source(dataset: Dataset) -> tuple[Path, str]:
    """Return the data set's file and its SMILES column. Raise ConfigError if it has positions instead."""
    if dataset.is_npz:
        raise ConfigError(f"{dataset.name} has positions, and no SMILES")
    path = locate(dataset)
    return path, _present(dataset.smiles, read_header(path))


def _present(names: tuple[str, ...], header: list[str]) -> str:
    return next((name for name in names if name in header), names[0])


def _build(rows: Callable[[], list[list[str]]], path: Path) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows())
    # mtime=0: the same molecules give the same bytes.
    return _write(path, gzip.compress(text.getvalue().encode(), mtime=0))


def _download(dataset: Dataset, path: Path) -> Path:
    import pooch

    by_hand = f"put the file by hand at {path}, or set JAXMRL_DATA to a folder that has {dataset.file}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            downloader = pooch.HTTPDownloader(progressbar=_Bar(dataset.name), timeout=30)
            found = pooch.retrieve(dataset.address, dataset.checksum, "data", folder, downloader=downloader)
            content = _member(Path(found), dataset.member) if dataset.member else Path(found).read_bytes()
            packed = dataset.is_npz or (dataset.member or dataset.address or "").endswith(".gz")
            candidate = Path(folder) / dataset.file
            candidate.write_bytes(content if packed else gzip.compress(content, mtime=0))
        except Exception as error:  # requests, urllib3, pooch and zipfile raise many kinds; the remedy is the same
            reason = "its checksum is wrong" if "does not match the known hash" in str(error) else type(error).__name__
            raise DataError(f"cannot download {dataset.name} from {dataset.address} ({reason}); {by_hand}") from None
        if not _is_whole(dataset, candidate):
            raise DataError(f"the file from {dataset.address} is not {dataset.name}, or is incomplete; {by_hand}")
        return _write(path, candidate.read_bytes())


def _member(path: Path, name: str) -> bytes:
    """Return one file of a zip archive, read and not extracted: no name in an archive decides where a file is
    written.
    """
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(name).file_size > max_expanded(path.stat().st_size):
            raise ValueError(f"{name} is far larger than its archive")
        return archive.read(name)


def _is_whole(dataset: Dataset, path: Path) -> bool:
    """Return whether a file has the data set's columns or arrays and can be read to its end, unlike an error page."""
    try:
        if dataset.is_npz:
            return set(GEOMETRY_ARRAYS) <= read_arrays(path).keys()
        header = read_header(path)
        rows = stream_smiles(path, _present(dataset.smiles, header))
        last = collections.deque(rows, maxlen=1)
    except (OSError, ValueError):
        return False
    named = all(any(name in header for name in names) for names in dataset.targets)
    return named and bool(last) and not isinstance(last[0], Rejected)


def _write(path: Path, content: bytes) -> Path:
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; set JAXMRL_CACHE to a writable folder") from None
    return path


class _Bar:
    """pooch's interface for a progress bar, drawn by rich."""

    def __init__(self, name: str):
        self.name, self.total = name, 0
        self._progress: Progress | None = None

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
