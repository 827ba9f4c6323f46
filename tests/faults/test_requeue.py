"""The Slurm recipe of docs/cluster.md, run with stand-ins: `srun` sends the signal, `scontrol` starts the job again."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.documents import ROOT

SWEEP = (
    "--target-columns logp --model gin --baselines none --fractions 0.5 1.0 --seeds 4 --epochs 400 --width 8 --depth 2 "
    "--lanes 1"
)
SRUN = """#!/bin/bash
# Send USR1 to the first command of a job, once it has a result.
"$@" &
if [ ! -e signaled ]; then
    touch signaled
    until [ "$(wc -l < runs/hiv/results.csv 2> /dev/null || echo 0)" -gt 1 ]; do sleep 0.1; done
    kill -USR1 $!
fi
wait $!
"""
SCONTROL = """#!/bin/bash
echo "$1 $2" >> requeued
"""


def recipe(csv_file):
    """Return the script of the page for a small run, by this Python."""
    page = (ROOT / "docs" / "cluster.md").read_text()
    (script,) = (block for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) if "scontrol requeue" in block)
    assert "srun python -m jaxmrl.sweep --dataset hiv --out" in script
    return script.replace("srun python", f"srun {sys.executable}").replace("--dataset hiv", f"--csv {csv_file} {SWEEP}")


@pytest.mark.nightly
def test_a_job_that_is_signaled_goes_back_to_the_queue_and_ends(tmp_path, csv_file):
    for name, text in {"srun": SRUN, "scontrol": SCONTROL, "job": recipe(csv_file)}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    slurm = {"SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_ID": "7", "JAXMRL_CACHE": str(tmp_path / "cache")}
    environment = os.environ | slurm | {"PATH": path, "PYTHONPATH": str(ROOT)}
    submit = lambda: subprocess.run([tmp_path / "job"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    first = submit()
    assert first.returncode == 130, first.stderr
    assert "the state is saved. Run the same command to resume" in first.stderr
    assert (tmp_path / "requeued").read_text() == "requeue 7\n"
    rows = (tmp_path / "runs" / "hiv" / "results.csv").read_text().splitlines()
    assert 1 < len(rows) < 1 + 8
    again = submit()
    assert again.returncode == 0, again.stderr
    stopped = (tmp_path / "runs" / "hiv" / "results.csv").read_text()
    (tmp_path / "runs").rename(tmp_path / "former")
    whole = submit()
    assert whole.returncode == 0, whole.stderr
    assert (tmp_path / "runs" / "hiv" / "results.csv").read_text() == stopped
    assert (tmp_path / "requeued").read_text() == "requeue 7\n", "only once"
