"""A team of processes: who answers, what each holds, and what happens to the others when one fails."""

import argparse
import os
import threading
from concurrent.futures.process import BrokenProcessPool

import pytest

torch = pytest.importorskip("torch", reason="needs the bench extra")

from benchmarks import processes  # noqa: E402
from benchmarks.machine import cores  # noqa: E402
from benchmarks.processes import Team  # noqa: E402

pytestmark = pytest.mark.slow  # needs PyTorch, which plain pytest does without
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


def test_items_are_shared_and_come_back_in_their_order():
    with Team(2, held, "given") as team:
        found = team.share(the_first_ends_last, range(4))
    assert [(item, word) for _, item, word in found] == [(item, "given") for item in range(4)]
    first, *others = [pid for pid, *_ in found]
    assert first not in others
    assert len(set(others)) == 1


def test_a_process_that_cannot_begin_is_told():
    with Team(2, fails) as team, pytest.raises(BrokenProcessPool):
        team.each(who)


def test_a_call_that_fails_is_told():
    with Team(2, held) as team, pytest.raises(ValueError, match="as it should"):
        team.each(fails)


def test_none_waits_for_ever_for_another(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    with Team(2, held) as team, pytest.raises(threading.BrokenBarrierError):
        team.pool.submit(processes.together, who).result()


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
