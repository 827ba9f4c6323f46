"""The pruning methods by name: what each measures, where it comes from, what it needs."""

from dataclasses import dataclass

from jaxmrl.config.names import PRUNING_METHODS
from jaxmrl.errors import ConfigError


@dataclass(frozen=True)
class Method:
    """A pruning method. Of every score, the largest is kept first, unless `--keep easy` turns it round.

    trained     it needs models trained on the molecules
    classes     it has a meaning in classification only
    directed    which end is kept is a choice; else the method itself is an order, and has one end
    smiles      it needs the molecules' SMILES
    """

    name: str
    measures: str
    source: str
    trained: bool = True
    classes: bool = False
    directed: bool = True
    smiles: bool = False


METHODS = {
    method.name: method
    for method in (
        Method("random", "nothing", "shuffle", trained=False, directed=False),
        Method("el2n", "norm of the error", "Paul et al. 2021, eq. 3"),
        Method("grand", "norm of the gradient, all parameters", "Paul et al. 2021, eq. 2"),
        Method("grand-last", "norm of the gradient, last layer", "Paul et al. 2021, eq. 2, of the head alone"),
        Method("tracin", "influence on its own loss, last layer, over checkpoints", "Pruthi et al. 2020"),
        Method("entropy", "entropy of the prediction", "Settles 2009", classes=True),
        Method("least-confidence", "probability of the other class", "Settles 2009", classes=True),
        Method("forgetting", "times a label was right and then wrong", "Toneva et al. 2019", classes=True),
        Method(
            "aum", "how far below the other class the observed one is, in training", "Pleiss et al. 2020", classes=True
        ),
        Method(
            "confidence", "mean probability of the other class, in training", "Swayamdipta et al. 2020", classes=True
        ),
        Method("variability", "spread of that probability over epochs", "Swayamdipta et al. 2020", classes=True),
        Method(
            "herding", "how close the mean of the kept molecules is to the mean of all", "Welling 2009", directed=False
        ),
        Method(
            "kmeans",
            "distance from the cluster's center",
            "Sorscher et al. 2022",
            trained=False,
            directed=False,
            smiles=True,
        ),
        Method(
            "moderate",
            "how close the distance from the class center is to the median",
            "Xia et al. 2023",
            directed=False,
        ),
        Method("prototypicality", "distance from the center of its cluster of embeddings", "Sorscher et al. 2022"),
        Method("ccs", "coverage of all levels of EL2N, the hardest tenth last", "Zheng et al. 2023", directed=False),
    )
}
assert tuple(METHODS) == PRUNING_METHODS

JOINT_METHODS = ("herding", "kmeans", "ccs")
"""Those whose score by all seeds is no mean: it is computed from all seeds' models, clusterings or scores at once."""


def methods_for(names: tuple[str, ...], task: str, has_smiles: bool = True) -> tuple[Method, ...]:
    """Return the methods of these names, or, without names, all that fit the task and the molecules.

    Raises ConfigError for one that has no meaning for them.
    """
    for_task = [method for method in METHODS.values() if task == "classification" or not method.classes]
    fitting = [method for method in for_task if has_smiles or not method.smiles]
    for name in names:
        if METHODS[name] not in fitting:
            known = ", ".join(method.name for method in fitting)
            lacking = f"{name} is not defined for {task}, which has no classes"
            if METHODS[name] in for_task:
                lacking = f"{name} needs SMILES, and these molecules have positions only"
            raise ConfigError(f"{lacking}; choose from {known}")
    return tuple(METHODS[name] for name in names) or tuple(fitting)
