"""The data values by name: what each measures, where it comes from, what it needs."""

from dataclasses import dataclass

from jaxmrl.config.names import VALUE_METHODS
from jaxmrl.errors import ConfigError


@dataclass(frozen=True)
class ValueMethod:
    """A way to value training molecules.

    smiles   whether it needs the molecules' SMILES
    """

    name: str
    measures: str
    source: str
    smiles: bool = False


METHODS = {
    method.name: method
    for method in (
        ValueMethod("banzhaf", "what a molecule adds to a random half of the others", "Wang & Jia 2023"),
        ValueMethod("shapley", "what a molecule adds to random subsets of all sizes", "Covert & Lee 2021"),
        ValueMethod("datamodel", "what a molecule adds by ridge regression on membership", "Ilyas et al. 2022"),
        ValueMethod("oob", "how well trees that did not see its label predict it", "Kwon & Zou 2023", smiles=True),
    )
}
assert tuple(METHODS) == VALUE_METHODS

HALVES = ("banzhaf", "datamodel")
"""Methods that share models of random halves."""

SUSPECT_BY = ("oob", "datamodel", "banzhaf", "shapley")
"""Methods by which labels are suspected, in order of preference: of those computed, the first one counts."""


def value_methods_for(names: tuple[str, ...], has_smiles: bool) -> tuple[str, ...]:
    """Return these names, or all that fit the molecules if there are none. Raise ConfigError for one that does not."""
    fitting = tuple(name for name, method in METHODS.items() if has_smiles or not method.smiles)
    for name in names:
        if name not in fitting:
            known = ", ".join(fitting)
            raise ConfigError(f"{name} needs SMILES, and these molecules have positions only; choose from {known}")
    return names or fitting
