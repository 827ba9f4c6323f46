"""A team of processes: who answers, what each holds, and what happens to the others when one fails."""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

import pytest

torch = pytest.importorskip("torch", reason="needs the bench extra")

from benchmarks import processes  # noqa: E402
from benchmarks.machine import cores  # noqa: E402
from benchmarks.processes import Team  # noqa: E402

# PyTorch, which all of these need, is not among what plain pytest installs.
TENSORS = {
    "bool": torch.tensor([True, False]),
    "every other": torch.arange(6)[::2],
    "transposed": torch.arange(6.0).reshape(2, 3).t(),
    "scalar": torch.tensor(1.5),
    "empty": torch.zeros(0, 3),
}


def held(*given):
    return given


def who(given):
    return os.getpid(), torch.get_num_threads(), given


def the_first_ends_last(given, item):
    """Items 0 and 1 meet, so each process has one of them; then item 0 waits for item 3, which the other takes."""
    for _ in range({0: 2, 1: 1, 3: 1}.get(item, 0)):
        processes.held["barrier"].wait()
    return os.getpid(), item, *given


def fails(*_):
    raise ValueError("as it should")


@pytest.mark.nightly
def test_every_process_answers_once_and_holds_what_was_given():
    with Team(2, held, TENSORS, "a word") as team:
        for _ in range(3):
            answers = team.each(who)
            assert len({pid for pid, *_ in answers} - {os.getpid()}) == 2
            for _, threads, (tensors, word) in answers:
                assert threads == max(1, cores() // 2)
                assert word == "a word"
                for name, tensor in TENSORS.items():
                    torch.testing.assert_close(tensors[name], tensor, rtol=0, atol=0)


@pytest.mark.nightly
def test_items_are_shared_and_come_back_in_their_order():
    with Team(2, held, "given") as team:
        found = team.share(the_first_ends_last, range(4))
    assert [(item, word) for _, item, word in found] == [(item, "given") for item in range(4)]
    first, *others = [pid for pid, *_ in found]
    assert first not in others
    assert len(set(others)) == 1


@pytest.mark.nightly
def test_a_process_that_cannot_begin_is_told():
    with Team(2, fails) as team, pytest.raises(BrokenProcessPool):
        team.each(who)


@pytest.mark.nightly
def test_a_call_that_fails_is_told():
    with Team(2, held) as team, pytest.raises(ValueError, match="as it should"):
        team.each(fails)


@pytest.mark.nightly
def test_none_waits_for_ever_for_another(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    with Team(2, held) as team, pytest.raises(threading.BrokenBarrierError):
        team.pool.submit(processes.together, who).result()


@pytest.mark.slow
def test_one_process_is_refused_as_a_number_of_several(capsys):
    parser = argparse.ArgumentParser()
    processes.add_flag(parser)
    assert parser.parse_args([]).processes is None
    assert parser.parse_args(["--processes"]).processes == []
    assert parser.parse_args(["--processes", "2", "4"]).processes == [2, 4]
    for wrong in ("1", "0", "-2", "two"):
        with pytest.raises(SystemExit):
            parser.parse_args(["--processes", wrong])
    assert "must be 2 or more" in capsys.readouterr().err


def waits_for_ever(given):
    threading.Event().wait()


def interrupted():
    """The processes of a team whose benchmark is interrupted while they work."""
    pids = []
    with suppress(KeyboardInterrupt), Team(2, held) as team:
        pids += [pid for pid, *_ in team.each(who)]
        for _ in pids:
            team.pool.submit(processes.together, waits_for_ever)
        raise KeyboardInterrupt
    return pids


@pytest.mark.nightly
def test_an_interrupted_benchmark_leaves_no_process():
    pids = interrupted()
    assert len(pids) == 2
    assert not any(is_alive(pid) for pid in pids)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.nightly
def test_a_benchmark_that_is_terminated_leaves_no_process():
    code = (
        "from benchmarks.processes import Team; from tests.benchmarks.test_processes import held, who, waits_for_ever\n"
        "if __name__ == '__main__':\n"
        "    team = Team(2, held)\n"
        "    print(*(pid for pid, *_ in team.each(who)), flush=True)\n"
        "    team.each(waits_for_ever)\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(code)
        script.flush()
        paths = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
        started = subprocess.Popen(
            [sys.executable, script.name], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
        )
        pids = [int(word) for word in started.stdout.readline().split()]
        started.terminate()
        started.wait()
    assert len(pids) == 2
    for _ in range(100):
        if not any(is_alive(pid) for pid in pids):
            break
        time.sleep(0.1)
    assert not [pid for pid in pids if is_alive(pid)]
