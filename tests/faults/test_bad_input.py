"""Whatever stands in a file, there is a stated result or one short clear line; time and memory stay bounded."""

import json
import resource
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxmrl.config import SweepConfig
from tests.data.test_npz import ARRAYS
from tests.faults import fuzz

CONFIGS = Path(__file__).parents[2] / "configs"
BOUNDED = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def lines(csv_file):
    return csv_file.read_bytes().splitlines(keepends=True)


def table_of(lines, fuzzer):
    """The header and some rows of a table of real molecules."""
    at = int(fuzzer.rng.integers(1, len(lines) - 20))
    return lines[0] + b"".join(lines[at : at + 20])


def fuzz_csv(lines, folder, seed):
    """One damaged CSV or CSV.gz file, by each reader. Returns what was said."""
    fuzzer = fuzz.Fuzzer(seed)
    data = fuzzer.encoded(fuzzer.bytes(table_of(lines, fuzzer)))
    name = "ta ble é.csv"
    if seed % 3 == 0:
        data, name = fuzz.gzipped(data), f"{name}.gz"
        data = fuzzer.bytes(data, most=2) if seed % 2 else data
    (folder / name).write_bytes(data)
    targets = ((), ("logp",), ("greasy",), ("logp", "greasy", "rare"))[seed % 4]
    said = fuzz.outcome(fuzz.read_csv_wholly, folder / name, *targets)
    split = b"split\n" + b"".join(fuzzer.rng.choice([b"train\n", b"valid\n", b"test\n"], 20))
    (folder / "split.csv").write_bytes(fuzzer.bytes(split, most=2))
    fuzz.outcome(fuzz.read_split, folder / "split.csv")
    return said


def fuzz_format(files, folder, seed):
    """One damaged file of another format, by each reader of tables."""
    fuzzer, name = fuzz.Fuzzer(seed), sorted(files)[seed // 8 % len(files)]
    path = folder / "other format.csv"
    path.write_bytes(fuzzer.bytes(files[name], most=3))
    return fuzz.outcome(fuzz.read_csv_wholly, path, "column 3" if name == "smi" else "y")


def fuzz_npz(folder, seed):
    fuzzer, path = fuzz.Fuzzer(seed), folder / "t.npz"
    arrays = {name: damaged(array, fuzzer) for name, array in ARRAYS.items() if fuzzer.rng.integers(30)}
    (np.savez_compressed if seed % 2 else np.savez)(path, **arrays)
    if seed % 3:
        path.write_bytes(fuzzer.bytes(path.read_bytes(), most=3))
    return fuzz.outcome(fuzz.read_geometries, path)


def damaged(array, fuzzer):
    """The array, or another of odd type, shape or values."""
    kind = fuzzer.rng.integers(24)
    odd = {
        0: lambda: array[:-1],
        1: lambda: array[None],
        2: lambda: array.astype(fuzzer.rng.choice(["f2", "f8", ">f4", "u8", "?", "c8", "U4", "i1"])),
        3: lambda: array * fuzzer.rng.choice([np.nan, np.inf, -1.0, 1e30, 1e300]),
        4: lambda: np.array(7),
        5: lambda: np.array(["a", None], object),
        6: lambda: array[:0],
        7: lambda: np.zeros(len(array), [("x", "f4")]),
    }
    with np.errstate(all="ignore"):
        return odd.get(int(kind), lambda: array)()


def fuzz_cache(folder, seed):
    fuzzer, path = fuzz.Fuzzer(seed), folder / "cache.npz"
    np.savez(path, **ARRAYS)
    path.write_bytes(fuzzer.bytes(path.read_bytes(), most=2))
    return fuzz.outcome(fuzz.sound_or_nothing, path, ARRAYS)


def fuzz_smiles(smiles, seed):
    fuzzer = fuzz.Fuzzer(seed)
    return fuzz.outcome(fuzz.read_smiles, [fuzzer.smiles(smiles[int(fuzzer.rng.integers(len(smiles)))])])


def fuzz_toml(folder, seed):
    fuzzer = fuzz.Fuzzer(seed)
    paths = sorted(CONFIGS.glob("*.toml"))
    path = folder / "c.toml"
    path.write_bytes(fuzzer.bytes(paths[seed % len(paths)].read_bytes(), fuzz.TOML_WORDS, most=3))
    return fuzz.outcome(fuzz.read_config, path)


def run(count, lines, smiles, folder):
    """`count` inputs, most of them tables. Returns how many of each kind gave a result, and how many a line."""
    kinds = {
        "table": partial(fuzz_csv, lines, folder),
        "format": partial(fuzz_format, fuzz.table_files(folder), folder),
        "npz": partial(fuzz_npz, folder),
        "cache": partial(fuzz_cache, folder),
        "toml": partial(fuzz_toml, folder),
        "smiles": partial(fuzz_smiles, smiles),
    }
    outcomes = {kind: [0, 0] for kind in kinds}
    for seed in range(count):
        kind = ("table", "smiles", "table", "npz", "format", "table", "cache", "toml")[seed % 8]
        try:
            outcomes[kind][bool(kinds[kind](seed))] += 1
        except Exception as error:
            raise AssertionError(f"{kind}, seed {seed}: {error!r}") from error
    return outcomes


def test_a_few_hundred_damaged_inputs(lines, nci, tmp_path):
    outcomes = run(600, lines, nci[0], tmp_path)
    assert all(sum(done) >= 75 for done in outcomes.values())
    assert outcomes["table"][0] > 20, "some tables can still be read"
    assert outcomes["table"][1] > 20, "and some not"


@pytest.mark.nightly
def test_many_thousand_damaged_inputs(lines, nci, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = run(24_000, lines, nci[0], tmp_path)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(outcomes, f"{grown:.0f} MiB more")
    assert sum(map(sum, outcomes.values())) == 24_000
    assert grown < 500


CELLS = st.one_of(
    st.sampled_from(["", "CC", "c1ccccc1", "0", "1", "2", "nan", "inf", "1e39", "-1e-400", "1_0", "*", "C>>C", "[H]"]),
    st.text(max_size=12),
)


@BOUNDED
@given(st.lists(st.lists(CELLS, max_size=6), max_size=8), st.sampled_from(",;\t|"), st.booleans())
def test_tables_of_any_cells(tmp_path, rows, delimiter, named):
    text = "\n".join(delimiter.join(row) for row in ([["smiles", "y", "split"]] if named else []) + rows)
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    fuzz.outcome(fuzz.read_csv_wholly, tmp_path / "t.csv")
    fuzz.outcome(fuzz.read_split, tmp_path / "t.csv")


@BOUNDED
@given(st.text(st.sampled_from("CNOcnos123%()[]=#@+-.*/\\HFeBrl: 0"), max_size=60))
def test_texts_of_a_smiles_letters(text):
    fuzz.outcome(fuzz.read_smiles, [text])


VALUES = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(["auto", "gin", "random", "none", 0]),
)


@BOUNDED
@given(data=st.data())
def test_settings_of_any_value(tmp_path, data):
    names = st.sampled_from([*SweepConfig.__dataclass_fields__, "nonsense"])
    value = st.one_of(VALUES, st.lists(VALUES, max_size=3))
    chosen = data.draw(st.dictionaries(names, value, min_size=1, max_size=3))
    text = "".join(f"{name} = {toml(value)}\n" for name, value in chosen.items())
    (tmp_path / "c.toml").write_text(text, encoding="utf-8", errors="replace")
    fuzz.outcome(fuzz.read_config, tmp_path / "c.toml")


def toml(value):
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=True)
