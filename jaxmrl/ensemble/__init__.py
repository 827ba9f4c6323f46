"""The models of a run, applied to other molecules: which curve's, what they need of a file, and what each predicts."""

from jaxmrl.ensemble.choice import Curves, choose_curve, choose_models, models_by_curve
from jaxmrl.ensemble.domain import (
    Neighbors,
    Prints,
    check_known,
    find_neighbors,
    find_novelties,
    fingerprints,
    nearest_of_each,
    nearest_training,
)
from jaxmrl.ensemble.leverage import MOST_DESCRIBING, USUAL_LEVERAGE
from jaxmrl.ensemble.molecules import read_and_prepare, sees_coordinates_of_file
from jaxmrl.ensemble.outputs import ArrayReader, Outputs, RunMolecules, predict_curves, predict_values

__all__ = [
    "MOST_DESCRIBING",
    "USUAL_LEVERAGE",
    "ArrayReader",
    "Curves",
    "Neighbors",
    "Outputs",
    "Prints",
    "RunMolecules",
    "check_known",
    "choose_curve",
    "choose_models",
    "find_neighbors",
    "find_novelties",
    "fingerprints",
    "models_by_curve",
    "nearest_of_each",
    "nearest_training",
    "predict_curves",
    "predict_values",
    "read_and_prepare",
    "sees_coordinates_of_file",
]
