"""Data flows one way: a module imports only from those above it in this list; commands import everything."""

import ast
from pathlib import Path

import jaxmrl

ORDER = (
    "errors",
    "startup",
    "text",
    "sources",
    "lock",
    "config",
    "extend",
    "data",
    "models",
    "training",
    "pruning",
    "scaling",
    "report",
    "cluster",
    "jobs",
    "fit",
    "score",
    "pretrain",
    "sweep",
    "predict",
    "estimate",
    "commands",
)
WITHIN_DATA = (
    "cache",
    "molecules",
    "graphs",
    "parents",
    "geometries",
    "conformers",
    "tokens",
    "random_smiles",
    "unseen",
    "fingerprints",
    "store",
    "geometry_store",
    "token_store",
    "stores",
    "standard",
    "overlap",
    "scaffolds",
    "splits",
    "dialect",
    "records",
    "cells",
    "classes",
    "smiles_column",
    "targets",
    "relations",
    "table",
    "input_rows",
    "side_files",
    "matching",
    "parts",
    "sampling",
    "metric_names",
    "curve_cells",
    "curve_layout",
    "curve_observations",
    "curve_settings",
    "curve_runs",
    "curves",
    "npz",
    "corpus",
    "prepare",
    "duplicates",
    "features",
    "undefined",
    "datasets",
    "problem",
)
WITHIN_MODELS = ("weights", "layers", "gin", "graphmae", "transformer", "pairs", "schnet", "painn", "build")
WITHIN_PRUNING = (
    "methods",
    "select",
    "uncertainty",
    "gradients",
    "forgetting",
    "herding",
    "kmeans",
    "passes",
    "scoring",
)
WITHIN_SCALING = (
    "convergence",
    "scale",
    "spread",
    "outliers",
    "blocks",
    "laws",
    "points",
    "shape",
    "target",
    "solve",
    "fit",
    "choose",
    "analysis",
    "equivalence",
    "compare",
)
WITHIN_REPORT = (
    "claim",
    "files",
    "facts",
    "left_out",
    "laws",
    "plots",
    "comparison",
    "equivalence",
    "scores",
    "kept",
    "resample",
    "score_plot",
    "html",
    "terminal",
    "summary",
)
WITHIN_TRAINING = (
    "numerics",
    "losses",
    "metrics",
    "schedules",
    "replica",
    "compiled",
    "programs",
    "batches",
    "storage",
    "pretrained",
    "trained",
    "outcome",
    "lanes",
    "pretraining",
    "capacity",
    "engines",
    "interrupts",
    "together",
    "checkpoint",
)
WITHIN = {
    "data": WITHIN_DATA,
    "models": WITHIN_MODELS,
    "training": WITHIN_TRAINING,
    "pruning": WITHIN_PRUNING,
    "scaling": WITHIN_SCALING,
    "report": WITHIN_REPORT,
}
PACKAGE = Path(jaxmrl.__file__).parent


def imported(path):
    """(module, line) of every jaxmrl import outside functions: a command may import late, to start fast."""
    for node in ast.parse(path.read_text()).body:
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module else []
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.split(".")[0] == "jaxmrl" and len(name.split(".")) > 1:
                yield name.split(".")[1:], node.lineno


def modules():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


def test_every_module_has_a_place():
    for path in modules():
        top = path.relative_to(PACKAGE).with_suffix("").parts
        assert top[0] in ORDER, f"{path} has no place in the order"
        assert len(top) == 1 or top[1] in WITHIN[top[0]], f"{path} has no place in the order"


def test_imports_point_upwards():
    seen = 0
    for path in modules():
        own = path.relative_to(PACKAGE).with_suffix("").parts
        for other, line in imported(path):
            if other[0] not in ORDER:
                continue
            seen += 1
            assert ORDER.index(other[0]) <= ORDER.index(own[0]), f"{path}:{line} imports {'.'.join(other)}"
            if own[0] == other[0] and len(own) > 1 and other[1] in WITHIN[own[0]]:
                order = WITHIN[own[0]]
                assert order.index(other[1]) < order.index(own[1]), f"{path}:{line} imports {'.'.join(other)}"
    assert seen > 30
