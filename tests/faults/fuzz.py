"""Bad input, made by damaging good input; and the two outcomes that are allowed for it."""

import csv
import gzip
import io
import time
import warnings
from dataclasses import fields

import numpy as np

from jaxmrl.chem.scaffolds import compute_scaffolds
from jaxmrl.config import SweepConfig, read_toml, to_toml
from jaxmrl.data.matching import Data
from jaxmrl.data.npz import molecule_hashes, read_npz
from jaxmrl.data.parts import read_parts
from jaxmrl.data.table import Table, read_table, stream_smiles
from jaxmrl.errors import UserError
from jaxmrl.io import cache
from jaxmrl.io.records import Rejected, rejected_text
from jaxmrl.modalities.fingerprint.features import compute_morgan
from jaxmrl.modalities.geometry.features import find_pairs
from jaxmrl.modalities.graph.features import Graphs, featurize
from jaxmrl.modalities.smiles.features import tokenize
from jaxmrl.text import one_line

MOST_SECONDS = 10.0
"""For one input, on a machine that has other work to do."""

CSV_WORDS = (
    *(b"\0", b'"', b'""', b"'", b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"\\", b"\x1a", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"\x80", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\xe2\x80\xae", b"inf", b"-Infinity", b"1e999", b"nan", b"1_0", b"2"),
    *(b"-0", b"0x1p3", b"1e-320", b"smiles", b"C" * 2000, b"1" * 2000, b"," * 300, b"\n" * 300, b"=cmd|' /C calc'!A0"),
)
SMILES_WORDS = (
    *r"C c N n O [nH] [Na+] [Cl-] [C@H] [C@@] [2H] * [*] [999C] [65537C] [#300] [#6] [C+300] [FeH300]".split(),
    *r"( ) [ ] = # $ ~ : / \ . % %99 %(100) 1 1 2 9 > >> -> <- C(F)(F)(F)(F)F [Fe] |$x$| @ @@ @SP3 @OH30 + - H".split(),
    *(" ", "\t", "\n", "\r", "\0", "é", "😀", "\u202e", "[C:99999]", "[H]", "[H][H]", "[U]", "[Og]"),
    *("C" * 300, "(" * 300, "[" * 50, "c1ccccc1", "[Fe](C)" * 30),
)
TOML_WORDS = (
    b"=",
    b"[",
    b"]",
    b"{",
    b'"',
    b"\n",
    b"1e400",
    b"9" * 30,
    b"9" * 5000,
    b"nan",
    b"-inf",
    b"true",
    b"0x",
    b"\0",
)


class Fuzzer:
    """Damages bytes and texts, the same for the same seed."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def _pick(self, choices):
        return choices[self.rng.integers(len(choices))]

    def bytes(self, whole: bytes, words: tuple[bytes, ...] = CSV_WORDS, most: int = 6) -> bytes:
        """`whole` with up to `most` changes: bytes, words, pieces moved, doubled, cut off."""
        data = bytearray(whole)
        for _ in range(self.rng.integers(1, most + 1)):
            at = int(self.rng.integers(len(data) + 1))
            to = min(len(data), at + int(self.rng.integers(1, 40)))
            kind = self.rng.integers(6)
            if kind == 0 and at < len(data):
                data[at] ^= 1 << int(self.rng.integers(8))
            elif kind == 1:
                data[at:at] = self._pick(words)
            elif kind == 2:
                data[at:to] = self._pick(words)
            elif kind == 3:
                data[at:at] = data[at:to] * int(self.rng.integers(1, 5))
            elif kind == 4:
                del data[at:to]
            elif self.rng.integers(4) == 0:
                del data[at:]
        return bytes(data)

    def encoded(self, text: bytes) -> bytes:
        """A CSV file's bytes in another encoding, with other delimiters or line ends, or as they are."""
        changes = (
            lambda: text,
            lambda: text.decode("utf-8", "replace").encode("utf-16"),
            lambda: b"\xef\xbb\xbf" + text,
            lambda: text.replace(b",", b";"),
            lambda: text.replace(b",", b"\t"),
            lambda: text.replace(b"\n", b"\r"),
            lambda: text.replace(b"\n", b"\r\n"),
        )
        return changes[max(0, int(self.rng.integers(-12, len(changes))))]()

    def smiles(self, whole: str, most: int = 5) -> str:
        """A SMILES with up to `most` pieces put in, taken out or repeated; or one made of pieces alone."""
        text = "" if self.rng.integers(5) == 0 else whole
        for _ in range(self.rng.integers(1, most + 1) + 8 * (text == "")):
            at = int(self.rng.integers(len(text) + 1))
            kind = self.rng.integers(4)
            if kind < 2 or not text:
                text = text[:at] + self._pick(SMILES_WORDS) + text[at:]
            elif kind == 2:
                text = text[:at] + text[at + 1 :]
            else:
                text = text[:at] + text[at : at + 10] * int(self.rng.integers(1, 6)) + text[at:]
        return text


def outcome(read, *arguments) -> str:
    """What a reader makes of an input: "" where it gives a result, else the line that the user sees.

    Anything but a result or a UserError comes through as it is; so does a warning. Fails where it takes too long.
    """
    started = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(*arguments)
        said = ""
    except UserError as error:
        said = one_line(str(error))
        assert 10 < len(said) < 620
        assert said.isprintable()
    seconds = time.monotonic() - started
    assert seconds < MOST_SECONDS, f"{seconds:.0f} s for {arguments}"
    return said


def read_csv_wholly(path, *targets) -> None:
    """A CSV file by all readers; what they give is consistent, and no row is lost."""
    table = read_table(path, target_columns=targets)
    assert len(table) + len(table.rejected) == table.rows
    assert not np.isinf(table.labels).any()
    if table.task == "classification":
        assert np.isin(table.labels[~np.isnan(table.labels)], (0, 1)).all()
    again = list(csv.reader(io.StringIO(rejected_text(table.rejected), newline="")))
    assert [row[0] for row in again[1:]] == [str(row.line) for row in table.rejected]
    streamed = list(stream_smiles(path, None))
    assert len(streamed) == table.rows
    by_line = dict(row for row in streamed if not isinstance(row, Rejected))
    assert [by_line[line] for line in table.lines.tolist()] == table.smiles
    read_smiles(table.smiles[:3])


def table_files(folder) -> dict[str, bytes]:
    """A table in each format that is no plain text, to be damaged."""
    import bz2
    import lzma
    import zipfile

    import openpyxl
    import pyarrow
    from pyarrow import parquet
    from rdkit import Chem

    smiles, values = ["CCO", "C[C@H](N)C(=O)O", "c1ccccc1", "CCN"] * 5, [k / 7 for k in range(20)]
    text = "".join(f"{one},{value}\n" for one, value in [("smiles", "y"), *zip(smiles, values, strict=True)]).encode()
    book = openpyxl.Workbook()
    for row in [("smiles", "y"), *zip(smiles, values, strict=True)]:
        book.active.append(row)
    book.save(folder / "t.xlsx")
    for compression in ("snappy", "none"):
        table = pyarrow.table({"smiles": smiles, "y": values})
        parquet.write_table(table, folder / f"{compression}.parquet", compression=compression)
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(one)) for one in smiles]
    sdf = "".join(f"{one}>  <y>\n{value}\n\n$$$$\n" for one, value in zip(blocks, values, strict=True)).encode()
    with zipfile.ZipFile(folder / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", text)
    files = {name: (folder / name).read_bytes() for name in ("t.xlsx", "snappy.parquet", "none.parquet", "t.zip")}
    inner = "".join(f"{one}\tname {k}\t{k / 7}\n" for k, one in enumerate(smiles)).encode()
    packed = {"bz2": bz2.compress(text), "xz": lzma.compress(text), "zst": pyarrow.compress(text, "zstd", asbytes=True)}
    spotfire = b"\\! filetype=Spotfire.DataFormat.Text; version=2.0;\r\n"
    spotfire += text.replace(b",", b";").replace(b"\n", b";\r\n")
    inchi, titled = text.replace(b"CCO", b"InChI=1S/CH4/h1H4"), b"Assay report 2024-03-01\nMade by me\n\n" + text
    return files | packed | {"sdf": sdf, "smi": inner, "stdf": spotfire, "inchi": inchi, "titled": titled}


def read_split(path) -> None:
    table = Table(np.arange(20), np.arange(20) + 2, ["C"] * 20, np.zeros((20, 1)), ("y",), "regression", 20)
    parts, _ = read_parts(path, Data(table, np.zeros(20, np.uint64)))
    assert len(parts) == 20


def read_smiles(smiles: list[str]) -> None:
    """SMILES by all featurizers; each molecule is rejected with a short reason or has arrays that agree."""
    graphs, canonical, rejected = featurize(smiles)
    assert len(graphs) + len(rejected) == len(smiles)
    assert all(1 <= len(reason) <= 200 for reason in rejected.values())
    assert graphs.size.sum() == len(graphs.atom) == len(graphs.bonds)
    if len(graphs):
        assert graphs.size.min() > 0
        # Each bond is counted at both its ends, and the self-loop of each atom once.
        assert (graphs.bonds[:, :6].sum() - len(graphs.atom)) % 2 == 0
        _check_neighbors(graphs)
    usable = [text for k, text in enumerate(smiles) if k not in rejected]
    assert len(canonical) == len(usable)
    if usable:
        assert len(compute_morgan(usable, 2, 1024, False)) == len(usable)
        assert len(compute_scaffolds(usable)) == len(usable)
    for text in smiles:
        assert "".join(tokenize(text)) == text


def _check_neighbors(graphs: Graphs) -> None:
    degree = graphs.bonds[:, :6].sum(axis=1) - 1
    listed = (graphs.neighbour >= 0).sum(axis=1)
    whole = (graphs.neighbour >= -1).all(axis=1)
    np.testing.assert_array_equal(listed[whole], degree[whole])


def read_geometries(path) -> None:
    """An .npz file of geometries, to the pairs that models see."""
    table, conformers = read_npz(path)
    assert len(table) + len(table.rejected) == table.rows
    assert len(table) == len(conformers.size)
    assert not np.isinf(table.labels).any()
    if len(table):
        assert len(molecule_hashes(conformers)) == len(table)
        assert find_pairs(conformers, 5.0).pair_count.min() >= 0


def read_config(path) -> None:
    """A TOML file to settings, and back."""
    config = SweepConfig(**read_toml(path))
    path.write_text(to_toml(config), encoding="utf-8")
    again = SweepConfig(**read_toml(path))
    assert all(
        getattr(again, f.name) == getattr(config, f.name) for f in fields(config) if f.name not in ("out", "dataset")
    )


def sound_or_nothing(path, arrays: dict[str, np.ndarray]) -> None:
    """A damaged file of the cache is as it was, or not taken."""
    found = cache.load_arrays(path, set(arrays))
    if found is not None:
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)
