"""Programs for accelerators: what no program may have, as lowered anywhere, and as compiled where the compilers are
installed.
"""

import functools

import pytest

from benchmarks.aot import __main__ as aot
from benchmarks.aot.cases import PROGRAMS, subject_of, traced
from benchmarks.aot.targets import UnavailableTargetError, device_of
from jaxmrl.config import SweepConfig
from tests.support.compiled import scattered

LANES = 2
KERNELS = {
    ("h100", "gin"): 85,
    ("h100", "dmpnn"): 55,
    ("h100", "gine"): 95,
    ("v5e", "gin"): 640,
}
"""Most kernels of a training step with two layers: a fifth more than they are, on a TPU than those of five layers."""


@pytest.fixture(scope="module")
def subjects(csv_file, tmp_path_factory):
    """A function that gives a small model on a small table."""

    def subject(model):
        asked = {"model": (model,), "descriptors": "off", "baselines": ("none",)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
            return subject_of(SweepConfig(csv=csv_file, target_columns=("logp",), **asked), 16, 2, 32)

    return functools.cache(subject)


@pytest.mark.slow
def test_no_lowered_program_adds_numbers_by_a_scatter_or_in_double_precision(subjects):
    for program in PROGRAMS:
        text = traced(subjects("gin"), program, LANES, "tpu").lower(lowering_platforms=("tpu",)).as_text()
        assert "f64" not in text
        if program in ("train", "grand", "pretrain"):  # others write values in their places
            assert all(kind.startswith(("i", "ui")) for kind in scattered(text))


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "model"), sorted(KERNELS))
def test_no_compiled_program_has_what_accelerators_do_badly(subjects, name, model):
    try:
        device = device_of(name)
    except UnavailableTargetError as error:
        pytest.skip(str(error))
    for program in PROGRAMS:
        row = aot.row_of(subjects(model), name, device, program, LANES)
        assert (row["float_scatters"], row["doubles"], row["compare_and_swaps"] or 0) == (0, 0, 0), program
        assert row["looped"] == 0, f"{program} has a loop inside a step"
        if program == "train":
            assert row["kernels"] <= KERNELS[name, model]
