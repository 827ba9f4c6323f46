"""Run directories of the first version: their curves are read, and anything else is refused with a reason."""

import json
import shutil

import pytest

import jaxmrl
from jaxmrl.config import CompareConfig, FitConfig
from jaxmrl.errors import ConfigError

RESULTS = """\
dataset,modality,model,split,pruning,init,width,depth,params,precision,fraction,n_train,seed,status,metric,valid,test,\
best_epoch,epochs,steps,test_crippen_logp
nci,graph,gin,random,random,none,8,2,1737,float32,0.1,399,0,finished,mae,1.57783,1.74083,1,2,4,1.74083
nci,graph,gin,random,random,none,8,2,1737,float32,0.1,399,1,finished,mae,1.61111,1.7953,2,2,4,1.7953
nci,graph,gin,random,random,none,8,2,1737,float32,0.3,1198,0,finished,mae,1.61207,1.76092,1,2,10,1.76092
nci,graph,gin,random,random,none,8,2,1737,float32,0.3,1198,1,finished,mae,1.62309,1.80572,2,2,10,1.80572
nci,graph,gin,random,random,none,8,2,1737,float32,1,3994,0,finished,mae,1.80836,1.89133,1,2,32,1.89133
nci,graph,gin,random,random,none,8,2,1737,float32,1,3994,1,finished,mae,1.53953,1.70512,2,2,32,1.70512
"""
"""Of `jaxmrl.sweep --epochs 2 --fractions 0.1 0.3 1 --seeds 2 --width 8 --depth 2` by version 0.1.0."""


@pytest.fixture
def old_run(tmp_path):
    """What `fit` and the readers of runs see of a run directory of version 0.1.0."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "results.csv").write_text(RESULTS)
    (folder / "run.json").write_text(json.dumps({"format": 2, "software": {"jaxmrl": "0.1.0"}}))
    (folder / "config.toml").write_text('dataset = "nci"\nseeds = 2\nfractions = [0.1, 0.3, 1.0]\n')
    return folder


def test_fit_reads_the_curves_of_the_first_version(old_run):
    found = jaxmrl.fit_curves(FitConfig((old_run,), predict=(8000,)))
    assert len(found["laws"]) > 2
    (forecast,) = found["predictions"]
    assert forecast["low"] < 1.78 < forecast["high"]


def test_what_cannot_be_read_is_refused_with_a_reason(old_run, tmp_path):
    reason = r"format 2, and .* format 3\..*jaxmrl fit reads its learning curves"
    with pytest.raises(ConfigError, match=reason):
        jaxmrl.load_run(old_run)
    other = tmp_path / "other"
    old_run.rename(other)
    shutil.copytree(other, old_run)
    with pytest.raises(ConfigError, match=reason):
        jaxmrl.compare_sweeps(CompareConfig((old_run, other), out=tmp_path / "comparison"))
