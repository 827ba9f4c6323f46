"""Names that settings may take, and the defaults of models. Free of JAX."""

from dataclasses import dataclass

TASKS = ("classification", "regression")


CLASSIFICATION_METRICS = ("roc_auc", "average_precision")


ERROR_METRICS = ("rmse", "mae")
"""Those in the label's unit."""


PER_SD = " / sd"
"""What the name of a metric ends with where it is a mean over tasks of errors in standard deviations."""


METRIC_NAMES = (*CLASSIFICATION_METRICS, *ERROR_METRICS, "r2")


PRECISIONS = ("float32", "tf32", "bfloat16")


PRUNING_METHODS = (
    "random",
    "el2n",
    "grand",
    "grand-last",
    "entropy",
    "least-confidence",
    "forgetting",
    "herding",
    "kmeans",
)


MODALITIES = ("graph", "geometry", "fingerprint", "smiles")


ATOM_REFERENCES = ("auto", "on", "off")


GEOMETRY_DATASETS = ("qm9",)
"""Those that come with positions instead of SMILES."""


CENSORED = ("drop", "bound")


KEPT = ("hard", "easy")


DEDUPLICATE = ("mean", "median", "first", "drop")
"""What becomes of labels of one molecule that differ; the first is that of --deduplicate alone."""


MOST_MOLECULES = 1e15
"""That anyone may ask about."""


SCORE_KINDS = (".csv", ".parquet", ".npz")


PREDICTION_KINDS = (".csv", ".parquet")


DEFAULT_EPOCHS, DEFAULT_MIN_STEPS = 30, 240
"""Length of a replica, where neither --epochs nor --steps is given: so many epochs, and so many steps at least."""


STUDY_FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


SCRATCH = "none"
"""The `init` of replicas that begin from fresh weights."""


SPLITS = ("random", "scaffold", "imbalanced")


ADDABLE = (
    "fractions",
    "seeds",
    "pruning",
    "modality",
    "model",
    "width",
    "depth",
    "split",
    "split_file",
    "init",
    "save_predictions",
    "out",
)
"""Settings of a sweep that may grow in a run that is there, without a change of what it has. `out` is where that is."""


@dataclass(frozen=True)
class ModelDefaults:
    """What a model is for, and its settings where the user leaves them open."""

    modalities: tuple[str, ...]
    width: int
    depth: int
    dropout: float
    learning_rate: float


MODELS = {
    "gin": ModelDefaults(("graph",), width=64, depth=3, dropout=0.5, learning_rate=1e-3),
    "painn": ModelDefaults(("geometry",), width=64, depth=3, dropout=0.0, learning_rate=5e-4),
    "schnet": ModelDefaults(("geometry",), width=64, depth=3, dropout=0.0, learning_rate=5e-4),
    "transformer": ModelDefaults(("fingerprint", "smiles"), width=64, depth=1, dropout=0.1, learning_rate=1e-3),
}
"""The first that fits a modality is its default. The transformer is the study's; its GIN has width 300 and depth 5, its
SchNet and PaiNN 128 and 6."""


HEADS = 8
"""Of attention."""
