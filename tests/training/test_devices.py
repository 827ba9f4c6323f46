"""Several devices of one machine, which XLA makes of a CPU, against one with as many lanes."""

import os
import subprocess
import sys

import joblib
import pytest

COUNTED = """
import sys
import jax
from jaxmrl.cli.commands import run_command

if "begun" in sys.argv:
    jax.devices()
run_command(lambda: print(jax.local_device_count()))
"""

SCORED = """
import sys
from jaxmrl.cli.commands import score_command
from jaxmrl.training import checkpoint

run = checkpoint.run

def counted(folder, engines, *rest):
    print("ENGINES", len({engine.device for engine in engines}))
    run(folder, engines, *rest)

checkpoint.run = counted
sys.argv[0] = "score"
score_command()
"""

COMPARED = """
from dataclasses import replace
import jax
import jax.numpy as jnp
import numpy as np
from jaxmrl.data.datasets import load_dataset
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.io.weight_names import part_of
from jaxmrl.training.lanes import Engine
from jaxmrl.training.encoder import Encoder
from jaxmrl.training.replica import DeviceTable
from jaxmrl.training.devices import train_on_devices
from tests.training.test_lanes import TRAINING_SPEC, replica, resources_of

assert jax.local_device_count() == 8
molecules = load_dataset("nci")
table = DeviceTable(GraphDataset.to_device(featurize(molecules.smiles[:160])[0]), jnp.asarray(molecules.labels[:160]))
params, stats = TRAINING_SPEC.model.init(jax.random.key(7, impl="threefry2x32"))
weights = jax.device_put(part_of(params, "encoder") | part_of(stats, "encoder"), jax.devices()[0])
starts = None, Encoder("before", "its digest", 16, 2, False, weights)
queue = [replace(replica(f"r{k}", 20 + 5 * (k % 9), k, 6 + k % 4), start=starts[k % 2]) for k in range(30)]
found = []
for devices in (jax.local_devices(), jax.local_devices()[:1]):
    engines = []
    for device in devices:
        with jax.default_device(device):
            engines.append(Engine(TRAINING_SPEC, table, resources_of(table), queue, 2, 16))
    outcomes, used = {}, set()

    def on_result(engine, outcome):
        outcomes[outcome.name] = outcome
        used.add(engine.device)

    train_on_devices(engines, range(len(queue)), on_result, lambda steps, timed: None)
    assert used == {engine.device for engine in engines} == set(devices)
    found.append(outcomes)
eight, one = found
assert len(one) == 30
for name, outcome in one.items():
    np.testing.assert_equal(vars(eight[name]), vars(outcome))
"""


def counted(*words, **told):
    """COUNTED, ended, with these variables of the environment and no others that choose devices."""
    environment = {name: text for name, text in os.environ.items() if name not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")}
    environment |= {"JAX_PLATFORMS": "cpu"} | told
    command = [sys.executable, "-c", COUNTED, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def with_devices(number):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={number}"
    return os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "devices"),
    [
        ({}, joblib.cpu_count()),
        ({"XLA_FLAGS": "--xla_force_host_platform_device_count=3"}, 3),
        ({"JAX_NUM_CPU_DEVICES": "3"}, 3),
    ],
)
def test_a_command_has_a_device_for_each_core_unless_told_another_number(told, devices):
    ended = counted(**told)
    assert (ended.stdout, ended.stderr) == (f"{devices}\n", "")


@pytest.mark.slow
def test_a_command_leaves_the_devices_as_they_are_where_jax_has_begun():
    ended = counted("begun")
    assert (ended.stdout, ended.stderr) == ("1\n", "")


@pytest.mark.nightly
def test_a_replica_is_the_same_on_eight_devices_and_on_one():
    ended = subprocess.run([sys.executable, "-c", COMPARED], env=with_devices(8), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("many", [pytest.param(2, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.nightly)])
def test_a_sweep_is_the_same_on_many_devices_and_on_one(many, csv_file, tmp_path):
    words = "--target-columns logp --model gin --fractions 0.25 0.5 1.0 --seeds 4 --epochs 3 --width 8 --depth 2 "
    words += "--batch-size 32"
    files = {}
    for number in (1, many):
        out = tmp_path / str(number)
        command = [sys.executable, "-m", "jaxmrl.sweep", "--csv", csv_file, *words.split(), "--lanes", "2"]
        environment = with_devices(number) | {"JAXMRL_CACHE": str(tmp_path / "cache")}
        command += ["--baselines", "none", "--save-predictions", "--out", str(out)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        assert (f"2 lanes on each of {many} devices" in ended.stdout) == (number == many)
        files[number] = [(out / name).read_bytes() for name in ("results.csv", "curves.csv", "fits.json")]
    assert files[1] == files[many]


@pytest.mark.nightly  # the sweep above trains its replicas in the same way
def test_scores_are_the_same_on_two_devices_and_on_one(csv_file, tmp_path):
    words = "--target-columns logp --methods el2n herding --seeds 3 --epochs 2 --width 8 --depth 2 --batch-size 32"
    files = []
    for number in (1, 2):
        out = tmp_path / str(number) / "scores.csv"
        command = [sys.executable, "-c", SCORED, "--csv", csv_file, *words.split(), "--lanes", "1"]
        environment = with_devices(number) | {"JAXMRL_CACHE": str(tmp_path / "cache")}
        ended = subprocess.run([*command, "--out", str(out)], env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        assert f"ENGINES {number}" in ended.stdout
        files.append(out.read_bytes())
    assert files[0] == files[1]
