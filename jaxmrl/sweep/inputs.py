"""What a sweep writes of its molecules before it trains: their parts, orders of keeping and SMILES."""

import numpy as np

from jaxmrl.data import splits
from jaxmrl.io.records import rejected_text
from jaxmrl.modalities.registry import get_modality
from jaxmrl.reports.summary import Orders
from jaxmrl.runs import directory as files
from jaxmrl.runs.artifacts import write_molecules
from jaxmrl.sweep.queue import SweepContext
from jaxmrl.sweep.subsets import of_split


def write_inputs(job: SweepContext, orders: Orders) -> None:
    """Write splits.npz, with molecule ids (rows of the source file), molecules.csv and rejected.csv.

    train_order_S is seed S's shuffle of the training molecules: each fraction's random subset is a prefix of it.
    <pruning>_order_<model>_S is the order in which a pruning keeps them for seed S. Names of other splits than random
    begin with theirs.
    """
    problem = job.problem
    arrays: dict[str, np.ndarray] = {}
    for split in job.problems:
        molecules = split.split.parts()
        for seed in range(job.config.seeds):
            molecules[f"train_order_{seed}"] = splits.subset_order(split.split.train, seed)
        for (spec, name), by_pruning in orders.items():
            if name == split.split_name:
                molecules |= {
                    f"{pruning}_order_{spec.name}_{seed}": order
                    for pruning, by_seed in by_pruning.items()
                    for seed, order in enumerate(by_seed)
                }
        arrays |= {of_split(split, name): positions for name, positions in molecules.items()}
    job.run.write_arrays("splits.npz", {name: problem.table.ids[positions] for name, positions in arrays.items()})
    for modality, features in problem.features.items():
        for name, text in get_modality(modality).files(features).items():
            job.run.write(name, text)
    if problem.has_smiles:
        write_molecules(job.run, problem.table, problem.canonical_smiles)
    job.run.write(files.REJECTED, rejected_text(problem.table.rejected))
