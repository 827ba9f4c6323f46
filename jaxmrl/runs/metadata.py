"""What run.json says of a sweep's software, device and data."""

from jaxmrl.config import SweepConfig
from jaxmrl.data.task_data import TaskData
from jaxmrl.io.files import digest
from jaxmrl.modalities.geometry.conformers import CONFORMERS, FROM_FILE, OF_THE_FILE
from jaxmrl.runs import directory
from jaxmrl.scaling.analysis import known
from jaxmrl.training.encoder import Initializations


def run_metadata(config: SweepConfig, problems: list[TaskData], starts: Initializations, device: str) -> dict:
    """Return what run.json has beside the settings. A run can be resumed only if its data, software and device are the
    same.

    device: what the models are trained on.
    """
    problem = problems[0]
    metadata = {
        **directory.code_metadata(),
        "device": device,
        "data": {name: digest for problem in problems for name, digest in problem.digests().items()},
        "scores": digest(config.scores) if config.scores else None,
        "extra": digest(config.extra) if config.extra else None,
        "init": {f"encoder {name}": encoder.digest for name, encoder in starts.items() if encoder},
        "rejected": len(problem.table.rejected),
        **problem.facts,
        "splits": {problem.split_label: split_metadata(problem) for problem in problems},
    }
    if config.extra:
        metadata["extra_molecules"] = problem.extra_molecules
    if problem.geometries is not None and problem.has_smiles:
        metadata["geometries"] = OF_THE_FILE if config.coordinates == FROM_FILE else CONFORMERS
    if problem.extensive is not None:
        metadata["atom_references"] = dict(zip(problem.table.tasks, problem.extensive.tolist(), strict=True))
        metadata["over_atoms"] = problem.over_atoms
    return metadata


def split_metadata(problem: TaskData) -> dict:
    """Return what run.json says about a split."""
    metadata = {
        "split_seed": problem.repeat.seed,
        "molecules": {part: len(ids) for part, ids in problem.split.parts().items()},
        "shared_between_parts": problem.shared,
        "test_in_training_as_another_form": problem.kin,
        "test_with_training_scaffold": problem.same_scaffold and problem.same_scaffold[0],
        "test_near_training": problem.near,
        "left_out_of_mean": problem.unjudged,
    }
    if problem.extra is not None:
        metadata["extra_in_training"] = len(problem.extra)
    if floor := problem.noise_floor:
        metadata["noise_floor"] = floor
    if problem.repeat.cut:
        metadata["cut_date"] = problem.repeat.cut
    if problem.standardized:
        spreads = zip(problem.table.tasks, problem.task_divisors.tolist(), strict=True)
        metadata["standard_deviations"] = {task: known(spread) for task, spread in spreads}
    return metadata
