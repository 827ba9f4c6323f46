"""Plans: what is recommended, written and refused."""

import json

import numpy as np
import pytest

import jaxmrl.plan
from jaxmrl.config import PlanConfig
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.plan import plan_purchase
from jaxmrl.plan.curves import cost_of
from jaxmrl.scaling.analyses import analyze_rows

N = (100, 200, 400, 800, 1600)


def write(path, models, runs=3, sizes=N):
    """Write curves scale * n^-slope + floor of some models."""
    rng = np.random.default_rng(0)
    rows = [
        f"{name},{n},{run},{(scale * n**-slope + 0.1) * np.exp(rng.normal(0, 0.01)):.5f}"
        for name, (scale, slope) in models.items()
        for n in sizes
        for run in range(runs)
    ]
    path.write_text("\n".join(["model,n,seed,rmse", *rows]) + "\n")
    return path


@pytest.fixture(scope="module", autouse=True)
def analyzed_once():
    """Analyze equal curves once, as that takes most of the time."""
    known = {}

    def analyze(curves, scale, guess, reporter, *, with_prior):
        for rows in curves:
            if rows.value.tobytes() not in known:
                known[rows.value.tobytes()] = analyze_rows(rows, scale, guess, with_prior=with_prior)
        return [known[rows.value.tobytes()] for rows in curves]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxmrl.plan, "analyze_all", analyze)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with curves of two models, their plan for a target in `plan`, and what that returned as JSON."""
    folder = tmp_path_factory.mktemp("plan")
    csv = write(folder / "curves.csv", {"gnn": (5.0, 0.4), "svm": (3.0, 0.3)})
    terms = {"cost": ("3", "svm=2"), "budget": 9000, "batch": 400, "assay_sd": 0.1}
    found = plan_purchase(PlanConfig((csv,), target=0.3, by=("model",), out=folder / "plan", **terms))
    (folder / "returned.json").write_text(json.dumps(found))
    return folder


def test_the_plan_is_of_the_curve_that_reaches_the_target_for_less(folder):
    found = json.loads((folder / "plan" / "plan.json").read_text())
    assert found == json.loads((folder / "returned.json").read_text())
    assert found["recommended"] == "model gnn"
    gnn, svm = (curve["purchase"] for curve in found["curves"])
    assert gnn["chance"] > 0.8 > svm["chance"]
    assert (gnn["cost"], svm["cost"]) == (3, 2)
    assert gnn["batch"] == 400
    assert gnn["limit"] == 1600 + 3000
    assert gnn["present"] < gnn["needed"]["0.5"] < gnn["needed"]["0.8"]


def test_a_cleaner_assay_takes_fewer_molecules_that_cost_more(folder):
    found = json.loads((folder / "plan" / "plan.json").read_text())
    plans = [found["curves"][0]["purchase"], *(one["purchase"] for one in found["cleaner_assays"])]
    assert [one["cost"] for one in plans] == [3, 6, 12]
    needed = [one["needed"]["0.5"] for one in plans]
    assert needed == sorted(needed, reverse=True)
    assert [one["limit"] for one in plans] == [4600, 3100, 2350]


def test_the_page_is_one_file_with_a_picture(folder):
    page = (folder / "plan" / "plan.html").read_text()
    assert page.count("<svg") == 1
    assert not {"src=", "href=", "<link", "<script"} & set(page.split())
    assert "Recommendation: buy 400 more molecules (cost 1,200), train again, and plan again." in page
    assert "model svm instead: the chance is" in page


def test_a_value_instead_of_a_target(folder, tmp_path):
    worth = [
        plan_purchase(PlanConfig((folder / "curves.csv",), value=value, by=("model",), out=tmp_path))
        for value in (1e6, 1e-3)
    ]
    rich, poor = (next(one["worth"] for one in found["curves"] if one["curve"] == "model gnn") for found in worth)
    assert rich["batch"] > 0
    assert rich["gain"] > 0
    assert poor["batch"] == 0
    assert "do not buy molecules" in " ".join(worth[1]["said"])


def test_one_batch_is_the_last(folder, tmp_path):
    terms = {"by": ("model",), "out": tmp_path, "target": 0.2}
    once = " ".join(plan_purchase(PlanConfig((folder / "curves.csv",), deadline=1, **terms))["said"])
    assert "and train again. rmse is then expected" in once
    assert "plan again" not in once
    assert "If buying goes on" not in once
    twice = " ".join(plan_purchase(PlanConfig((folder / "curves.csv",), deadline=2, **terms))["said"])
    assert "train again, and plan again. rmse is then" in twice
    assert "If buying goes on until the target or the limit, it takes" in twice


def test_a_target_that_is_reached_needs_nothing(folder, tmp_path):
    (tmp_path / "plan.html").write_text("of an earlier plan")
    found = plan_purchase(PlanConfig((folder / "curves.csv",), target=0.5, by=("model",), out=tmp_path))
    assert found["recommended"] is None
    assert found["curves"][0]["reached"] is not None
    assert found["said"][-1] == "Recommendation: buy no molecules for rmse 0.5."
    assert not (tmp_path / "plan.html").exists()


def test_what_cannot_be_known_is_refused(tmp_path):
    single = write(tmp_path / "single.csv", {"gnn": (5.0, 0.4)}, runs=1, sizes=N[:3])
    with pytest.raises(DataError, match="the chance cannot be computed: no size has repeated runs"):
        plan_purchase(PlanConfig((single,), target=0.2, out=tmp_path))
    worse = write(tmp_path / "worse.csv", {"gnn": (0.02, -0.4)})
    with pytest.raises(DataError, match=r"it cannot be extrapolated \(gets worse"):
        plan_purchase(PlanConfig((worse,), target=0.1, out=tmp_path))
    shares = write(tmp_path / "shares.csv", {"gnn": (0.5, 0.4)}, sizes=tuple(n / N[-1] for n in N))
    with pytest.raises(DataError, match="the sizes are shares of the data, and a plan needs numbers of molecules"):
        plan_purchase(PlanConfig((shares,), target=0.1, out=tmp_path))
    assert not (tmp_path / "plan.json").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "got neither"),
        ({"target": 1.0, "value": 1.0}, "got both"),
        ({"target": 1.0, "cost": ("0",)}, "--cost takes a number above 0 and at most 3.4e.38, or NAME=COST; got '0'"),
        ({"target": 1.0, "cost": ("2", "3")}, "--cost is given twice for all curves"),
        ({"target": 1.0, "budget": -1.0}, "--budget must be a number above 0 and at most 3.4e.38; got -1"),
        ({"target": 1.0, "deadline": 0}, "--deadline is a number of batches"),
        ({"target": 1.0, "batch": 0.5}, "--batch must be 1 or more and below 1e+"),
        ({"target": 1.0, "least_chance": 1.0}, "--least-chance must be at least 0 and below 1"),
    ],
)
def test_settings_are_checked_where_they_enter(settings, said):
    with pytest.raises(ConfigError, match=said):
        PlanConfig(("curves.csv",), **settings)


def test_other_settings_are_checked_against_the_curves(folder):
    curves = {"csv": (folder / "curves.csv",), "by": ("model",), "out": folder / "none"}
    for settings, said in [
        ({"target": -0.1}, "--target must be above 0, the perfect rmse"),
        ({"target": 0.2, "cost": ("rf=2",)}, "--cost rf=...: no curve has this name; the curves are: model gnn; model"),
        ({"target": 0.2, "budget": 0.5}, "is less than the cost of one molecule"),
        ({"target": 0.2, "assay_sd": 5.0}, "--assay-sd 5 is not below the present RMSE"),
        ({"value": 1.0, "assay_sd": 0.1}, "--assay-sd needs a target"),
    ]:
        with pytest.raises((ConfigError, DataError), match=said):
            plan_purchase(PlanConfig(**curves, **settings))
    assert not (folder / "none").exists()


def test_the_cost_of_a_curve_is_by_its_name_or_by_a_value_in_it():
    costs = {"": 1.0, "svm": 2.0}
    assert cost_of("model svm, split random", {"model": "svm", "split": "random"}, costs) == 2
    assert cost_of("model rf, split random", {"model": "rf", "split": "random"}, costs) == 1
    with pytest.raises(ConfigError, match="2 costs for the curve"):
        cost_of("model svm, split random", {"model": "svm", "split": "random"}, costs | {"random": 3.0})
