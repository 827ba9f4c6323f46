"""The benchmarks that are scripts, on tables so small that their figures say nothing but that they are there."""

import json
import math
import subprocess
import sys

import pytest

from benchmarks import dynamic_pruning, memory, prepare, pretraining_memory, pruning_null, scale, tuning
from benchmarks.machine import LOAD, cores
from jaxmrl.runs.curves import curves_of
from tests.support.rows import result_row


@pytest.fixture
def run(monkeypatch, tmp_path):
    """main of a benchmark with these flags; gives the JSON it writes."""

    def run(script, *words, out="--out"):
        path = tmp_path / "found.json"
        name = script.__name__.rpartition(".")[2]
        monkeypatch.setattr(sys, "argv", [name, *map(str, words), out, str(path)])
        script.main()
        found = json.loads(path.read_text())
        assert found["command"].startswith(f"python -m benchmarks.{name} ")
        assert found["hardware"]["cores"] == cores()
        assert found["hardware"]["load"] == LOAD
        assert found["software"]["jax"]
        return found

    return run


@pytest.fixture(scope="session")
def torch_scripts():
    """The benchmarks that need the bench extra."""
    pytest.importorskip("torch", reason="needs the bench extra")
    pytest.importorskip("torch_geometric", reason="needs the bench extra")
    pytest.importorskip("sklearn", reason="needs the bench extra")
    from benchmarks import floors, sweep, throughput

    return {"sweep": sweep, "throughput": throughput, "floors": floors}


@pytest.mark.nightly
def test_both_sides_of_a_sweep_train_the_same(run, torch_scripts):
    sizes = ("--fractions", 0.01, 0.02, "--seeds", 2, "--epochs", 2, "--width", 8, "--depth", 1)
    found = run(torch_scripts["sweep"], "--dataset", "wehi", *sizes, "--rounds", 2, "--processes", 2)
    assert found["runs"] == 4
    assert found["epochs"] == {"jaxmrl": 8, "pyg": 8, "pyg, 2 processes": 8}
    assert all(0.2 < test < 0.8 for test in found["test"].values()), "hardly trained"
    assert found["test"]["pyg, 2 processes"] == pytest.approx(found["test"]["pyg"], abs=0.02), "the same trainings"
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in found["seconds"].values())
    assert found["compilation"] > 0
    assert all(0 < found["ratio_with_compilation"][name] < ratio for name, ratio in found["ratio"].items())
    assert 0 < found["share_of_evaluation"] < 1


@pytest.mark.slow
def test_the_sweep_refuses_what_has_no_classes(run, torch_scripts):
    with pytest.raises(SystemExit):
        run(torch_scripts["sweep"], "--dataset", "nci")


@pytest.mark.nightly
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_throughput_stands_beside_its_floor(precision, run, torch_scripts, monkeypatch):
    throughput, peaks = torch_scripts["throughput"], torch_scripts["floors"].Peaks(1e12, 1e11)
    monkeypatch.setattr(throughput, "measure_peaks", lambda precision: peaks)
    monkeypatch.setattr(throughput, "MOLECULES", 600)
    monkeypatch.setitem(throughput.SIZES, "gin", ([16], 1))
    flags = f"--dataset nci --lanes 1 2 --steps 1 --rounds 1 --processes 2 --precision {precision}"
    found = run(throughput, *flags.split())
    assert found["precision"] == precision
    rows = found["rows"]
    assert [(r["width"], r["lanes"]) for r in rows] == [(16, 1), (16, 2)]
    for r in rows:
        (in_two,) = r["in_processes"]
        assert in_two["processes"] == 2
        assert in_two["ratio"] == pytest.approx(r["jaxmrl"]["median"] / in_two["baseline"]["median"])
        floor = r["floor"]
        assert floor["seconds"] == max(floor["operations"] / 1e12, floor["bytes"] / 1e11)
        assert r["share_of_floor"] == pytest.approx(floor["seconds"] / r["seconds_per_step"])
    one, two = (r["floor"] for r in rows)
    assert two["operations"] == pytest.approx(2 * one["operations"])
    assert one["bytes"] < two["bytes"] < 2.5 * one["bytes"]


@pytest.mark.slow
def test_peaks_are_of_the_right_size(torch_scripts):
    peaks = torch_scripts["floors"].measure_peaks("float32", matrix=512, vector=2**20)
    assert 1e8 < peaks.operations < 1e16
    assert 1e8 < peaks.bandwidth < 1e14


@pytest.mark.nightly
@pytest.mark.usefixtures("torch_scripts")
@pytest.mark.parametrize(("model", "own"), [("gin", {"norm", "embed"}), ("dmpnn", {"embed"}), ("gine", {"norm"})])
def test_every_operation_of_a_step_is_of_a_kind(model, own, tmp_path):
    path = tmp_path / "found.json"  # in a process of its own, for it has JAX begin with one thread
    words = ["--dataset", "nci", "--model", model, "--widths", "16", "--steps", "2", "--out", str(path)]
    subprocess.run([sys.executable, "-m", "benchmarks.profile", *words], check=True)
    (row,) = json.loads(path.read_text())["rows"]
    assert set(row["ms"]) >= {"products", "aggregate", "pool", "gather", "optimizer", "other"} | own
    assert max(row["ms"].values()) < sum(row["ms"].values())
    # Beside other programs operations may wait for each other; and so small a step is in part the host's.
    assert 0.3 * row["ms_a_step"] < sum(row["ms"].values()) < 2 * row["ms_a_step"]


@pytest.mark.nightly
def test_every_feature_is_prepared(run):
    found = run(prepare, "--dataset", "nci", "--molecules", 1500, "--rounds", 1)
    rows = {(r["feature"], r["processes"]): r for r in found["rows"]}
    assert {feature for feature, _ in rows} == set(prepare.FEATURES)
    assert {processes for _, processes in rows} == {1, cores()}
    for (feature, processes), r in rows.items():
        assert r["speed"]["median"] == pytest.approx(processes * r["per_core"])
        assert r["peak_gib"] > 0.02
        assert (r["peak_gib_of_workers"] > 0.02) == (processes > 1)
        assert ("floor" in r) == (feature != "tokens")
    # Half as fast again is the noise of a busy machine; what is made contains what RDKit does.
    assert rows["graphs", 1]["share_of_floor"]["median"] < 1.5


@pytest.mark.nightly
def test_time_by_molecules(run, tmp_path):
    found = run(scale, "--molecules", 300, 1200, "--width", 8, "--depth", 1, "--rounds", 1)
    assert math.isfinite(found["exponent"])
    assert [r["molecules"] for r in found["tables"]] == [300, 1200]
    for r in found["tables"]:
        assert r["epoch"]["median"] == pytest.approx(r["training"]["median"] + r["evaluation"]["median"])
    assert (tmp_path / "found.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_the_exponent_of_a_power_law():
    assert scale.exponent([1, 10, 100], [2, 20, 200]) == pytest.approx(1)
    assert scale.exponent([1, 10, 100], [1, 100, 10_000]) == pytest.approx(2)


@pytest.mark.nightly  # it prepares large tables; the other scripts have a sample
def test_tables_repeat_molecules():
    once, again = scale.table_of(10_000), scale.table_of(25_000)
    assert (len(once), len(again)) == (10_000, 25_000)
    assert (again.size[10_000:20_000] == once.size).all()


@pytest.mark.nightly
def test_time_by_replicas(run):
    found = run(scale, "--queues", 10, 20)
    assert [r["replicas"] for r in found["queues"]] == [10, 20]
    for r in found["queues"]:
        assert 0 < r["training"] < r["seconds"]
        assert r["training_per_replica"] == pytest.approx(r["training"] / r["replicas"])
    with pytest.raises(SystemExit):
        run(scale, "--queues", 15)


@pytest.mark.nightly
def test_memory_of_pretraining(run):
    (table,) = run(pretraining_memory, "--rows", 300, "--width", 8, "--depth", 1, out="--json")["tables"]
    assert table["prepare"]["molecules"] == table["train"]["molecules"] > 250
    assert table["train"]["peak_gib"] > table["prepare"]["peak_gib"] > 0.02


@pytest.mark.nightly
def test_a_table_like_pcba(run, cache):
    found = run(scale, "--pcba", 500, "--tasks", 3, "--width", 8, "--depth", 1)
    assert 0 <= found["sweep"]["test"] <= 1
    parts = [found["sweep"][name] for name in ("read_inputs", "train_chunk", "evaluate", "write_report")]
    assert min(parts) > 0
    assert sum(parts) < found["sweep"]["seconds"]
    assert found["prepare"]["peak_gib"] > 0.1


@pytest.mark.slow
def test_the_synthetic_table(tmp_path):
    from jaxmrl.data.parsing import prepare as prepared
    from jaxmrl.data.table import read_table

    path = tmp_path / "synthetic.csv"
    scale.write_synthetic(path, 2000, 4)
    table = prepared(read_table(path, task="classification"))
    assert len(set(table.canonical.tolist())) == len(table) > 1900
    assert table.graphs.size.mean() == pytest.approx(scale.MEAN_ATOMS, abs=1)
    labels = table.table.labels
    assert scale.MISSING - 0.05 < (labels != labels).mean() < scale.MISSING + 0.05
    assert 0.01 < (labels == 1).sum() / (labels == labels).sum() < 0.03


@pytest.mark.nightly
def test_memory_grows_with_lanes_and_the_formula_is_no_less(run):
    found = run(memory, "--dataset", "wehi", "--widths", 16, "--depth", 2, "--lanes", 1, 4)
    one, four = found["rows"]
    assert one["table"] == four["table"] > 0
    assert four["lanes_held"] == 4 * one["lanes_held"]
    assert four["working"] > 2 * one["working"] > 0
    assert all(row["formula_per_lane"] > 0.8 * row["per_lane"] for row in found["rows"])


@pytest.mark.nightly
def test_memory_grows_with_the_molecules_of_the_table_alone(run):
    found = run(memory, "--molecules", 300, 600, "--widths", 16, "--depth", 2)
    few, many = found["rows"]
    assert (few["molecules"], many["molecules"]) == (300, 600)
    assert 1.8 * few["table"] < many["table"] < 2.2 * few["table"]
    assert many["lanes_held"] == few["lanes_held"]
    assert many["working"] < 1.2 * few["working"]


@pytest.mark.nightly
def test_tuning_beside_one_by_one(run):
    small = ("--datasets", "nci", "--settings", 3, "--width", 8, "--depth", 1, "--epochs", 2, "--min-steps", 4)
    (found,) = run(tuning, "time", *small, "--commands", 1)["time"]
    assert found["commands"]["all_by_their_mean"] == pytest.approx(3 * found["commands"]["single"][0])
    assert found["compilations"] == found["devices"]
    assert all(len(seconds) == 1 and seconds[0] > 0 for seconds in found["seconds"].values())
    (found,) = run(tuning, "quality", *small, "--seeds", 2, "--splits", 2, "--fractions", 0.05)["quality"]
    (row,) = found["rows"]
    assert row["low"] <= row["mean"] <= row["high"]
    assert len(found["chosen"]) == 2


def test_gains_are_paired_by_seed():
    row = lambda test, seed: result_row(test, seed=seed, metric="roc_auc")
    default, tuned = [row(0.5, 0), row(0.7, 1), row(0.1, 2)], [row(0.6, 0), row(0.9, 1), row(None, 2)]
    assert tuning.gains_of(default, tuned) == {0.5: pytest.approx(0.15)}
    assert tuning.interval([0.1, 0.3])["mean"] == pytest.approx(0.2)


@pytest.mark.slow
def test_made_up_pruning_methods_are_counted(run, real_data, monkeypatch):
    monkeypatch.setenv("JAXMRL_DATA", str(real_data))
    sizes = ("--methods", 2, "--repeats", 2, "--seeds", 3, "--epochs", 2)
    found = run(pruning_null, *sizes)
    for kind in ("subset_for_each_seed", "one_subset_for_all_seeds"):
        assert (found[kind]["cells"], found[kind]["tables"]) == (8, 2)
        assert 0 <= found[kind]["starred"] <= 1
    assert 0 <= found["one_subset_by_trainings_alone"] <= 1


def test_dynamic_prunings_are_compared_in_pairs_with_each_reference():
    tests = {"random": (0.5, 0.6), "soft-random": (0.6, 0.72), "infobatch": (0.61, 0.7), "molpeg": (0.5, 0.61)}
    sizes = {"n_train": 40, "fraction": 0.4, "steps": 40, "epochs": 20, "metric": "roc_auc", "split": "random"}
    rows = [
        result_row(test, seed=seed, pruning=pruning, **sizes)
        for pruning, both in tests.items()
        for seed, test in enumerate(both)
    ]
    rows += [
        result_row(0.8, seed=seed, pruning="random", **sizes | {"n_train": 100, "fraction": 1.0, "steps": 100})
        for seed in (0, 1)
    ]
    curves = {curve.identity.pruning: curve for curve in curves_of(rows)}
    found = dynamic_pruning.compared(curves, [0.4])
    of = {(one.reference, one.pruning): one for one in found}
    assert set(of) == {
        *(("random", name) for name in tests if name != "random"),
        *(("soft-random", name) for name in ("infobatch", "molpeg")),
        *(("all molecules", name) for name in tests),
    }
    soft = of["random", "soft-random"]
    assert soft.difference == pytest.approx(0.11)
    assert (soft.pairs, soft.low < 0.11 < soft.high) == (2, True)
    assert of["soft-random", "infobatch"].difference == pytest.approx(-0.005)
    assert of["all molecules", "molpeg"].difference == pytest.approx(-0.245)
    assert soft.p <= soft.p_holm <= 1
    points = {(one.pruning, one.fraction): one for one in dynamic_pruning.measured(curves, [0.4])}
    assert points["random", 0.4].labels_saved == pytest.approx(0.6)
    assert points["molpeg", 0.4].labels_saved == 0
    assert all(one.compute_saved == pytest.approx(0.6) for key, one in points.items() if key[1] == 0.4)
    assert points["molpeg", 0.4].passes == pytest.approx(8)


@pytest.mark.nightly
def test_dynamic_prunings_are_trained_and_compared(run):
    small = ("--width", 8, "--depth", 1, "--seeds", 2, "--epochs", 12, "--fractions", 0.1)
    found = run(dynamic_pruning, "--dataset", "nci", *small)
    assert len(found["measured"]) == 5
    assert {one["pairs"] for one in found["compared"]} == {2}
