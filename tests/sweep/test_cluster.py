"""A Ray cluster of several machines, made on this one: the same results, also where a machine dies half-way."""

import threading
import time

import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.sweep import cluster as cluster_module
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.cluster import WorkQueue
from tests.sweep.test_sweep import SMALL

FILES = ("results.csv", "curves.csv", "fits.json", "splits.npz")


def test_a_board_gives_each_replica_to_one_machine():
    board = WorkQueue([4, 2, 7])
    assert [board.take("a"), board.take("b")] == [4, 2]
    board.put("a", 4, "what 4 left")
    board.put("a", 2, "what b has taken")
    board.advance(3)
    board.advance(2)
    assert board.collect() == (["what 4 left"], 5, True)
    assert board.collect() == ([], 0, True)


def test_what_a_dead_machine_had_taken_is_first_in_line_and_what_it_says_later_does_not_count():
    board = WorkQueue([4, 2, 7])
    taken = [board.take("a"), board.take("a"), board.take("b")]
    assert (taken, board.take("b")) == ([4, 2, 7], None)
    board.put("a", 4, "in time")
    assert board.give_back("a") == 1
    board.put("a", 2, "too late")
    assert (board.take("b"), board.take("b")) == (2, None)
    assert board.collect() == (["in time"], 0, False)


def test_a_closed_board_gives_no_more():
    board = WorkQueue([4, 2])
    board.take("a")
    board.close()
    assert board.take("a") is None
    board.put("a", 4, "left")
    assert board.collect() == (["left"], 0, False)


@pytest.mark.slow
def test_an_address_without_a_cluster_is_a_clear_error(csv_file, tmp_path, cache):
    pytest.importorskip("ray", reason="needs the cluster extra")
    config = SweepConfig(csv=csv_file, target_columns=("logp",), out=tmp_path / "run", **SMALL)
    for address in ("127.0.0.1:1", "somewhere", "127.0.0.1:port"):
        with pytest.raises(ConfigError, match="no Ray cluster answers there"):
            run_sweep(config, cluster=address)


@pytest.fixture
def machines():
    """A function that makes a cluster of so many machines on this one."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the cluster extra")
    made = []

    def make(number):
        made.append(cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1}))
        return made[0], [made[0].add_node(num_cpus=1) for _ in range(number - 1)]

    yield make
    for one in made:
        one.shutdown()


LONGER = SMALL | {"target_columns": ("logp",), "save_predictions": True, "seeds": 8, "epochs": 150, "lanes": 2}


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def alone(csv_file, shared_cache, tmp_path_factory):
    """What the sweep gives without a cluster."""
    pytest.importorskip("ray", reason="needs the cluster extra")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(shared_cache))
        return run_sweep(SweepConfig(csv=csv_file, out=tmp_path_factory.mktemp("alone") / "run", **LONGER))


def files_of(result):
    return {name: (result.directory / name).read_bytes() for name in FILES}


def kept_in(result):
    return sorted(path.name for kind in ("models", "predictions") for path in (result.directory / kind).iterdir())


@pytest.mark.nightly
@pytest.mark.parametrize("number", [2, 4])
def test_machines_that_die_change_no_result(
    number, csv_file, alone, machines, shared_cache, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("JAXMRL_CACHE", str(shared_cache))
    cluster, (one, *_) = machines(number)
    kept = []

    def kill_one():
        while len(kept) < 4:
            time.sleep(0.01)
        cluster.remove_node(one, allow_graceful=False)

    killer = threading.Thread(target=kill_one)
    killer.start()
    joined = cluster_module.Cluster.train

    def train(self, work, on_left, *others):
        def counted(left):
            on_left(left)
            kept.append(left.outcome.name)

        return joined(self, work, counted, *others)

    monkeypatch.setattr(cluster_module.Cluster, "train", train)
    config = SweepConfig(csv=csv_file, out=tmp_path / "together", **LONGER)
    result = run_sweep(config, cluster=cluster.address, quiet=False)
    killer.join()
    said = capsys.readouterr().out
    assert f" in 2 lanes on each device of {number} machines" in said
    assert "has died: " in said
    assert files_of(result) == files_of(alone)
    assert kept_in(result) == kept_in(alone)
    assert sorted(kept) == sorted(set(kept))
    assert len(kept) == 24
