"""The public names of the package: complete, documented, and imported only when they are used."""

import inspect
import subprocess
import sys

import pytest

import jaxmrl


@pytest.mark.parametrize("name", jaxmrl.__all__)
def test_every_public_name_is_there_and_documented(name):
    found = getattr(jaxmrl, name)
    assert found.__doc__
    assert name in dir(jaxmrl)


def public_functions():
    """Return the public functions, and the public methods of the public classes, by their names."""
    found = {}
    for name in jaxmrl.__all__:
        value = getattr(jaxmrl, name)
        if not inspect.isclass(value):
            found[name] = value
            continue
        methods = inspect.getmembers(value, callable)
        found |= {f"{name}.{own}": one for own, one in methods if not own.startswith("_") and inspect.isroutine(one)}
    return {name: one for name, one in found.items() if not hasattr(ValueError, name.partition(".")[2])}


@pytest.mark.parametrize(
    "name",
    [
        "run_sweep",
        "load_run",
        "score_molecules",
        "pretrain_encoder",
        "predict_molecules",
        "fit_curves",
        "plan_purchase",
        "compare_sweeps",
    ],
)
def test_the_functions_say_what_they_take_return_and_raise(name):
    text = inspect.getdoc(getattr(jaxmrl, name))
    assert all(f"\n{section}:\n" in text for section in ("Args", "Returns", "Raises"))


def test_every_parameter_of_the_public_functions_is_described():
    for name, function in public_functions().items():
        parameters = [one for one in inspect.signature(function).parameters if one not in ("self", "cls")]
        text = inspect.getdoc(function)
        described = text.partition("\nArgs:\n")[2].partition("\n\n")[0]
        assert all(f"    {one}: " in described for one in parameters), f"{name}: {parameters}\n{text}"


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'jaxmrl' has no attribute 'swep'"):
        jaxmrl.swep  # noqa: B018


def test_importing_the_package_imports_neither_jax_nor_matplotlib():
    code = "import sys, jaxmrl; print(sorted({'jax', 'matplotlib', 'rdkit', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_commands_import_slow_libraries_only_where_they_use_them():
    """RDKit and scikit-learn are left to worker processes, and a mistaken flag does not wait for Matplotlib."""
    commands = ("sweep", "score", "value", "pretrain", "predict", "select", "fit", "plan", "compare", "serve")
    modules = ", ".join(f"jaxmrl.{command}" for command in commands)
    slow = {"rdkit", "sklearn", "scipy.stats", "matplotlib", "pandas"}
    code = f"import sys, {modules}; print(sorted({slow} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
