"""Names that settings may take."""

TASKS = ("classification", "regression")


CLASSIFICATION_METRICS = ("roc_auc", "average_precision")


ERROR_METRICS = ("rmse", "mae")
"""Metrics in the label's unit."""


PER_SD = " / sd"
"""The ending of a metric that is a mean over tasks of errors in standard deviations."""


METRIC_NAMES = (*CLASSIFICATION_METRICS, *ERROR_METRICS, "r2")


PRECISIONS = ("float32", "tf32", "bfloat16")


RANDOM = "random"
"""The pruning of random subsets."""


PRUNING_METHODS = (
    RANDOM,
    "el2n",
    "grand",
    "grand-last",
    "tracin",
    "entropy",
    "least-confidence",
    "forgetting",
    "aum",
    "confidence",
    "variability",
    "herding",
    "kmeans",
    "moderate",
    "prototypicality",
    "ccs",
)


SOFT_RANDOM, INFOBATCH, MOLPEG = DYNAMIC_PRUNINGS = ("soft-random", "infobatch", "molpeg")
"""Prunings that choose new molecules for each epoch."""


VALUE_METHODS = ("banzhaf", "shapley", "datamodel", "oob")
"""Ways to value training molecules."""


GEOMETRY_DATASETS = ("qm9",)
"""Data sets that come with positions instead of SMILES."""


COMPUTED_DATASETS = ("nci",)
"""Data sets whose label RDKit computes, and which is among its descriptors."""


REFERENCE_MODEL = "mean"
"""The classical model that predicts the mean of the training labels."""


DEFAULT_BASELINES = ("svm", REFERENCE_MODEL)
"""The classical models of every sweep: a strong one that takes seconds, and the reference of every curve."""


CENSORED = ("drop", "bound", "loss")


CONCENTRATIONS = ("M", "mM", "uM", "nM", "pM")
"""Units that --pic50 takes; uM is micromolar."""


KEPT = ("hard", "easy")


BALANCED = "balanced"
"""The class weight with which both classes of a task weigh the same in the loss."""


DEDUPLICATE = ("mean", "median", "first", "drop")
"""What becomes of labels of one molecule that differ; the first is that of --deduplicate alone."""


MOST_MOLECULES = 1e15
"""The largest number of molecules that a forecast may be for."""


MOST_TUNED = 10_000
"""The most settings that --tune chooses from."""


SCORE_KINDS = (".csv", ".parquet", ".npz")


ACQUISITION_METHODS = ("mixture", "greedy", "uncertainty", "ei", "ucb", "diverse", "badge", "random")
"""Ways to choose the molecules to label next; the first is the default."""


PREDICTION_KINDS = (".csv", ".parquet", ".xlsx", ".sdf")


DEFAULT_MIN_STEPS = 500
"""The fewest steps of a replica if neither --epochs nor --steps is given; its model says how many epochs it takes."""


DEFAULT_FRACTIONS = (0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0)
"""Each about twice the one before: laws are straight lines of the logarithm of the size."""


STUDY_FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""The sizes of the published study."""


SCRATCH = "none"
"""The `init` of replicas that begin from fresh weights."""


LEAVE_CLUSTER_OUT = "leave-cluster-out"
"""The split whose k-th split seed tests on the k-th largest cluster."""


SPLITS = (
    *("random", "scaffold", "imbalanced", "cluster", LEAVE_CLUSTER_OUT),
    *("maxmin", "stratified", "group", "time", "rolling"),
)


SPLIT_COLUMNS = {"group": "group_column", "time": "date_column", "rolling": "date_column"}
"""The setting that names the column of a table by which a split is made."""


SPLITS_WITHOUT_EXTRA = dict.fromkeys(
    ("cluster", LEAVE_CLUSTER_OUT, "maxmin", "group"),
    "would join the groups that are held out; give --split random or scaffold, or omit --extra",
) | dict.fromkeys(("time", "rolling"), "may have later dates than test molecules; omit one of the two")
"""What molecules of --extra would do in a split that cannot be combined with it, and what to do instead."""


FILE_SPLIT = "file"
"""The split of --split-file."""


ROLLING = "rolling"
"""The split that has one place on the curve for each cut date."""


SINGLE_SPLITS = ("time", ROLLING)
"""Splits that are the same for every seed."""


UNGROUPED_SPLITS = ("random", "stratified")
"""Splits in which a molecule may be in any part, whatever part molecules like it are in."""


CONTINUED_SPLITS = (*UNGROUPED_SPLITS, "scaffold", "group")
"""Splits whose parts a child run (--previous) keeps: whether a new molecule belongs with earlier ones does not depend
on the other new molecules."""


FEW_MOLECULES = 5_000
"""Data with fewer usable molecules is split anew for each seed, unless --split-seeds says otherwise: the smaller the
test set, the more the metric depends on the split."""


ADDABLE = (
    "fractions",
    "seeds",
    "pruning",
    "modality",
    "model",
    "width",
    "depth",
    "split",
    "split_seeds",
    "split_file",
    "group_column",
    "date_column",
    "embeddings",
    "baselines",
    "init",
    "save_predictions",
    "save_all_models",
    "out",
)
"""Settings of a sweep that may grow in a run that is there, without a change of what it has. `out` is where that is."""
