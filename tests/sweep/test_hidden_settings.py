"""Each setting of a sweep that changes results is in the rows, in the digest of the data, or saved in run.json."""

from dataclasses import fields

from jaxmrl.config import SweepConfig
from jaxmrl.rows import ResultRow
from jaxmrl.sweep import queue

OF_DATA = set(
    "csv npz sheet smiles_column target_columns assay_column value_column pic50 log10 task censored deduplicate "
    "standardize group_column date_column weight_column cuts split_file embeddings fingerprint_radius fingerprint_bits "
    "fingerprint_chirality scores previous".split()
)
"""Settings that the digests of the data, of the features and of the splits show."""

OF_THE_GRID = set("fractions seeds split_seeds baselines min_steps tune tune_each_size".split())
"""Settings that say which rows there are; steps and tuned settings are in the rows."""

WITHOUT_EFFECT = set("lanes save_predictions save_all_models out".split())
"""Settings that change no row. At another number of lanes, results are the same but for rounding."""


def test_every_setting_is_accounted_for_once():
    saved = {*queue._HIDDEN_SETTINGS, *queue._PRUNING_SETTINGS}
    names = {field.name for field in fields(SweepConfig)}
    in_rows = set(ResultRow.columns()) & names
    known = (saved - in_rows, in_rows, OF_DATA, OF_THE_GRID, WITHOUT_EFFECT)
    assert saved <= names
    assert set().union(*known) == names, "a new setting belongs to one of these sets, or to _HIDDEN_SETTINGS"
    assert sum(map(len, known)) == len(names)
