"""The public names of the package: complete, documented, and imported only when they are used."""

import subprocess
import sys

import pytest

import jaxmrl


@pytest.mark.parametrize("name", jaxmrl.__all__)
def test_every_public_name_is_there_and_documented(name):
    found = getattr(jaxmrl, name)
    assert found.__doc__
    assert name in dir(jaxmrl)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'jaxmrl' has no attribute 'swep'"):
        jaxmrl.swep  # noqa: B018


def test_importing_the_package_imports_neither_jax_nor_matplotlib():
    code = "import sys, jaxmrl; print(sorted({'jax', 'matplotlib', 'rdkit', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
