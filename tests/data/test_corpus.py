import csv
import io
import zipfile
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.data import corpus as module
from jaxmrl.data import datasets
from jaxmrl.data.corpus import HELD_OUT, prepare_corpus
from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.io import cache as prepared
from jaxmrl.modalities.flat_arrays import concatenate, take
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.modalities.molgraph import features as molgraph
from jaxmrl.modalities.molgraph.modality import MOLGRAPH
from tests.data.test_datasets import serve


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(module, "SHARD_ROWS", 50)


@pytest.fixture
def small(csv_file, cache, small_shards):
    """160 usable molecules and two rows with other reasons to be rejected, in four shards."""
    rows = [*csv_file.read_text().splitlines(), "C,1", ""]
    path = cache.parent / "molecules.csv"
    path.write_text("\n".join(rows))
    return path


def assert_same(one, other):
    assert type(one) is type(other)
    for name in one.ROWS_OF:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_shards_together_are_the_whole_file(small, nci):
    corpus = prepare_corpus(small, None, GRAPH.corpus)
    assert len(corpus.shards) == 4
    assert (corpus.rows, corpus.rejected) == (163, 2)
    together = concatenate([corpus.load(k) for k in range(4)])
    whole, _, _ = featurize([*nci[0], "CC"])
    assert_same(together, whole)
    rejected = list(csv.reader(io.StringIO("".join(corpus.rejected_rows()))))
    assert rejected[0] == ["line", "text", "reason"]
    assert [(line, text) for line, text, _ in rejected[1:]] == [("162", "rubbish"), ("164", "C,1")]
    assert rejected[1][2] == "not a valid SMILES"
    assert rejected[2][2] == "2 fields, expected 4"


def test_shards_of_featurized_graphs(small, nci):
    corpus, of_graphs = (prepare_corpus(small, None, modality.corpus) for modality in (MOLGRAPH, GRAPH))
    assert not {*corpus.shards} & {*of_graphs.shards}
    whole, _, _ = molgraph.featurize_texts([*nci[0], "CC"])
    assert_same(concatenate([corpus.load(k) for k in range(4)]), whole)
    np.testing.assert_array_equal(np.concatenate(corpus.resources), whole.resources())
    np.testing.assert_array_equal(np.concatenate(of_graphs.resources), featurize([*nci[0], "CC"])[0].resources())
    for one, other in zip(corpus.judges, of_graphs.judges, strict=True):
        np.testing.assert_array_equal(one, other)


def test_molecules_train_or_judge(small):
    corpus = prepare_corpus(small, None, GRAPH.corpus)
    for train, judges, resources in zip(corpus.train, corpus.judges, corpus.resources, strict=True):
        assert sorted([*train, *judges]) == list(range(len(resources)))
    judging = [take(corpus.load(k), np.isin(np.arange(len(corpus.resources[k])), corpus.judges[k])) for k in range(4)]
    assert_same(corpus.held_out(), concatenate(judging))
    assert 0 < sum(map(len, corpus.judges)) < 161 * 4 / HELD_OUT


def test_a_molecule_that_comes_twice_is_on_one_side(small):
    spelled = ["OCC", "C(O)C", "CCO"]
    rows = small.read_text().splitlines()
    for at, text in zip((20, 70, 130), spelled, strict=True):
        rows[at] = f"{text},,,"
    small.write_text("\n".join(rows))
    corpus = prepare_corpus(small, None, GRAPH.corpus)
    sides = {bool(np.isin(at, corpus.judges[shard])) for shard, at in ((0, 19), (1, 19), (2, 29))}
    assert len(sides) == 1


def test_most_that_judge_are_few(small, monkeypatch):
    everything = sum(map(len, prepare_corpus(small, None, GRAPH.corpus).judges))
    monkeypatch.setattr(module, "MOST_HELD_OUT", 1)
    corpus = prepare_corpus(small, None, GRAPH.corpus)
    assert sum(map(len, corpus.judges)) == 1 < everything
    assert sum(map(len, corpus.train)) == 160, "those left over train"


def test_what_is_prepared_is_not_prepared_again(small, monkeypatch):
    calls, in_chunks = [], prepared.in_chunks

    def counted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return in_chunks(*arguments)

    monkeypatch.setattr(prepared, "in_chunks", counted)
    with pytest.raises(KeyboardInterrupt):
        prepare_corpus(small, None, GRAPH.corpus)
    assert len(calls) == 3
    seen = []
    corpus = prepare_corpus(small, None, GRAPH.corpus, seen.append)
    assert len(calls) == 5, "two shards were there"
    assert sum(seen) == 162, "all rows but the ragged one, found or done"
    prepare_corpus(small, None, GRAPH.corpus)
    assert len(calls) == 5
    shard = corpus.shards[1]
    shard.write_bytes(shard.read_bytes()[:-100])
    again = prepare_corpus(small, None, GRAPH.corpus)
    assert len(calls) == 6
    assert_same(again.load(1), corpus.load(1))
    small.write_text(small.read_text().replace("rubbish", "CCC"))
    prepare_corpus(small, None, GRAPH.corpus)
    assert len(calls) == 10, "another file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("smiles\n", "0 usable molecules in 0 rows"),
        ("smiles\nCC\nrubbish\n", r"1 usable molecule in 2 rows \(line 3: not a valid SMILES\)"),
        ("mine\nCC\n", "no column named smiles"),
        ("smiles\nC\xff\n", r"line 2: a SMILES cannot contain 'ÿ'"),
        ("smiles\n\x00\xff\n", "not a text file"),
    ],
)
def test_files_that_cannot_be_used(text, message, tmp_path, cache):
    path = tmp_path / "molecules.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        prepare_corpus(path, None, GRAPH.corpus)


def test_a_cache_that_cannot_be_written(small, cache):
    (cache / "prepared").parent.mkdir(parents=True, exist_ok=True)
    (cache / "prepared").write_text("a file, no folder")
    with pytest.raises(UserError, match="JAXMRL_CACHE"):
        prepare_corpus(small, None, GRAPH.corpus)


def test_pcqm4mv2_is_taken_out_of_its_archive(nci, cache, monkeypatch):
    import gzip

    table = "idx,smiles,homolumogap\n" + "".join(f"{k},{text},\n" for k, text in enumerate(nci[0]))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pcqm4m-v2/raw/data.csv.gz", gzip.compress(table.encode()))
        file.writestr("pcqm4m-v2/RELEASE_v1.txt", "")
    with contextmanager(serve)("pcqm4mv2", archive.getvalue(), monkeypatch):
        path, column = datasets.smiles_source(datasets.DATASETS["pcqm4mv2"])
    assert gzip.decompress(path.read_bytes()).decode() == table
    corpus = prepare_corpus(path, column, GRAPH.corpus)
    assert (corpus.rows, corpus.rejected) == (160, 0)


def test_a_set_without_smiles_is_refused():
    with pytest.raises(ConfigError, match="qm9 has positions"):
        datasets.smiles_source(datasets.DATASETS["qm9"])


def test_an_archive_without_the_file(cache, monkeypatch):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("other.csv", "")
    with (
        contextmanager(serve)("pcqm4mv2", archive.getvalue(), monkeypatch),
        pytest.raises(DataError, match="cannot download pcqm4mv2"),
    ):
        datasets.locate(replace(datasets.DATASETS["pcqm4mv2"]))
