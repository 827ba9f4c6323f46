"""Limits of control groups, also of those above the one of this process."""

import joblib
import pytest

from jaxmrl.io.limits import memory_limits, usable_cores


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of the control groups, or of those of this process (`own`)."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    return write


@pytest.fixture
def places(tmp_path):
    return tmp_path / "cgroup", tmp_path / "own"


def test_a_limit_of_the_container_counts(write, places):
    assert memory_limits(*places) == []
    write("cgroup/memory.max", "max")
    assert memory_limits(*places) == []
    write("cgroup/memory.max", 2**31)
    assert memory_limits(*places) == [2**31]


def test_limits_of_groups_above_count(write, places):
    write("own", "0::/slurm/job_7/step_0/task_0")
    for group, limit in {"slurm": "max", "slurm/job_7": 2**32, "slurm/job_7/step_0": 2**33}.items():
        write(f"cgroup/{group}/memory.max", limit)
    assert min(memory_limits(*places)) == 2**32


def test_the_first_version_has_a_folder_for_each_controller(write, places):
    write("own", "9:name=systemd:/\n4:memory:/slurm/job_7\n3:cpu,cpuacct:/slurm/job_7\n0::/")
    write("cgroup/memory/slurm/job_7/memory.limit_in_bytes", 2**30)
    write("cgroup/cpu,cpuacct/slurm/cpu.cfs_quota_us", 50_000)
    write("cgroup/cpu,cpuacct/slurm/cpu.cfs_period_us", 100_000)
    assert memory_limits(*places) == [2**30]
    assert usable_cores(*places) == 1


def test_cores_are_those_of_the_smallest_quota(write, places):
    assert usable_cores(*places) == joblib.cpu_count()
    write("own", "0::/user.slice/job.scope/../..")
    write("cgroup/user.slice/cpu.max", "100000 100000")
    write("cgroup/user.slice/job.scope/cpu.max", "max 100000")
    assert usable_cores(*places) == 1
