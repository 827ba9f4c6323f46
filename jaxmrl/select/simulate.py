"""Simulated campaigns on a table whose labels are known: `python -m jaxmrl.select --simulate --csv labeled.csv`."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.acquisition.comparison import RANDOM, Gain, compare_methods, model_learns
from jaxmrl.acquisition.methods import MIXTURE, NEED_BEST
from jaxmrl.acquisition.simulation import HIT_SHARE, TEST_SHARE, Campaign, Labeled, Trace, simulate
from jaxmrl.config import SelectConfig
from jaxmrl.config.names import ACQUISITION_METHODS
from jaxmrl.errors import ConfigError
from jaxmrl.formats.writing import table_bytes
from jaxmrl.io.files import write_whole
from jaxmrl.io.limits import usable_cores
from jaxmrl.progress import ProgressReporter
from jaxmrl.reports.terminal import Reporter
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.select.labeled import read_labeled
from jaxmrl.select.table import error_name, gains_table
from jaxmrl.text import count

ROUNDS, COMPARISONS, FIGURE = "rounds.csv", "comparisons.json", "simulation.png"
"""Files of the folder of a simulation."""

_PART = 20
"""The default of --start and --count is the number of molecules that can be bought, divided by this."""


@dataclass(frozen=True)
class Simulation:
    """What a simulation found.

    Attributes:
        campaign: The settings of each campaign.
        traces: What each campaign found, by method and seed.
        gains: The comparison of each method with random selection, by hits and by error.
        classes: Whether the labels are classes, so that the error is 1 - ROC-AUC; otherwise it is the RMSE.
        hits: The number of hits that can be bought.
        learns: Whether the model of random selection is better than the mean of the labels.
    """

    campaign: Campaign
    traces: tuple[Trace, ...] = field(repr=False)
    gains: tuple[Gain, ...]
    classes: bool
    hits: int
    learns: bool


def simulate_selection(config: SelectConfig, *, quiet: bool = True) -> Simulation:
    """Compare acquisition methods on a table with known labels, and write the results of each round.

    Args:
        config: The settings: the table, the methods, the size of a campaign, and the folder of the results.
        quiet: Whether to print nothing.

    Returns:
        What the campaigns found, and how many labels each method saves.

    Raises:
        UserError: For a table or settings that cannot be used.
    """
    reporter = Reporter(quiet=quiet)
    table = read_labeled(config, reporter)
    campaign = plan_campaign(config, table)
    methods = simulated_methods(config, table, reporter)
    work = [(method, seed) for method in methods for seed in range(config.repeats)]
    reporter.say(campaign_text(config, table, campaign))
    with reporter.progress("simulating", len(work), "campaigns") as progress:
        traces = []
        for trace in run_campaigns(table, campaign, work):
            traces.append(trace)
            progress.advance(1)
    traces.sort(key=lambda trace: work.index((trace.method, trace.seed)))
    random = [trace for trace in traces if trace.method == RANDOM]
    pool, _ = table.parts(campaign.test_seed)
    gains = tuple(compare_methods(traces, campaign))
    hits = int(table.hits(pool).sum())
    found = Simulation(campaign, tuple(traces), gains, table.classes, hits, model_learns(random))
    write_simulation(config, found)
    report(config, found, reporter)
    return found


def simulated_methods(config: SelectConfig, table: Labeled, reporter: ProgressReporter) -> tuple[str, ...]:
    """Return the methods of a simulation, random acquisition among them; of classes, those that they allow."""
    asked = tuple(dict.fromkeys((*(config.method or ACQUISITION_METHODS), RANDOM)))
    if not table.classes:
        return asked
    if config.method and set(asked) & set(NEED_BEST):
        raise ConfigError("--method ei needs numeric labels, and the labels are classes: choose other methods")
    if left_out := [name for name in asked if name in NEED_BEST]:
        reporter.say(f"{', '.join(left_out)} is left out: it needs numeric labels, and the labels are classes")
    return tuple(name for name in asked if name not in NEED_BEST)


def plan_campaign(config: SelectConfig, table: Labeled) -> Campaign:
    """Return the settings of a campaign. Raises ConfigError if it would buy more molecules than there are."""
    pool = len(table.parts(config.seed)[0])
    part = max(1, pool // _PART)
    campaign = Campaign(
        config.start or part, config.count or part, config.rounds, config.surrogate, test_seed=config.seed
    )
    if (last := int(campaign.labels()[-1])) >= pool:
        raise ConfigError(
            f"--start {campaign.start}, --count {campaign.batch} and --rounds {campaign.rounds} would label {last:,} "
            f"molecules, but only {pool:,} can be bought; give smaller numbers"
        )
    return campaign


def run_campaigns(
    table: Labeled, campaign: Campaign, work: Sequence[tuple[str, int]], processes: int | None = None
) -> Iterator[Trace]:
    """Yield what each campaign finds, as it ends; they run side by side in processes.

    Args:
        table: The labeled molecules, which all processes share.
        campaign: The settings.
        work: The method and the seed of each campaign.
        processes: How many; None for one on each core.
    """
    import joblib

    workers = min(len(work), processes or usable_cores())
    pool = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
    yield from pool(joblib.delayed(simulate)(table, campaign, method, seed) for method, seed in work)


def write_simulation(config: SelectConfig, found: Simulation) -> None:
    """Write the rounds, the comparisons and the figure of a simulation to its folder."""
    from jaxmrl.reports.plots import render  # here, because Matplotlib is slow to import
    from jaxmrl.select.figure import draw_simulation

    folder: Path = config.output
    write_whole(folder / ROUNDS, table_bytes(round_columns(found), ".csv", 8))
    write_whole(folder / COMPARISONS, (json.dumps(content(config, found), indent=2) + "\n").encode())
    figure = draw_simulation(found.traces, found.campaign, error_name(found.classes), config.name)
    write_whole(folder / FIGURE, render(figure, "png"))


def round_columns(found: Simulation) -> dict[str, np.ndarray]:
    """Return the columns of rounds.csv, with a row for each method, seed and round."""
    many = found.campaign.rounds + 1
    names = np.array([trace.method for trace in found.traces], object)
    return {
        "method": np.repeat(names, many),
        "seed": np.repeat([trace.seed for trace in found.traces], many),
        "round": np.tile(np.arange(many), len(found.traces)),
        "labels": np.tile(found.campaign.labels(), len(found.traces)),
        "hits": np.concatenate([trace.hits for trace in found.traces]),
        error_name(found.classes): np.concatenate([trace.error for trace in found.traces]),
    }


def content(config: SelectConfig, found: Simulation) -> dict[str, Any]:
    """Return what comparisons.json has."""
    return {
        "table": config.name,
        "campaign": asdict(found.campaign),
        "repeats": config.repeats,
        "mixture": dict(MIXTURE),
        "hits": found.hits,
        "hit_share": None if found.classes else HIT_SHARE,
        "test_share": TEST_SHARE,
        "error": error_name(found.classes),
        "model_learns": found.learns,
        "level": LEVEL,
        "correction": "Bonferroni over all intervals; variance of the mean s^2 (1 / S + r / (2 - r)) with S seeds that "
        "share the fraction r of what they buy",
        "comparisons": [asdict(gain) | {"gain": bool(gain.saved and gain.saved.is_gain)} for gain in found.gains],
    }


def campaign_text(config: SelectConfig, table: Labeled, campaign: Campaign) -> str:
    """Return a description of the simulation in words."""
    pool, test = table.parts(campaign.test_seed)
    hits = int(table.hits(pool).sum())
    what = "of the wanted class" if table.classes else f"the best {HIT_SHARE:.0%} of the labels"
    return (
        f"{config.name}: {len(pool):,} molecules can be bought, {count(hits, 'hit')} among them ({what}); "
        f"{count(len(test), 'test molecule')}. Each campaign starts with {campaign.start:,} labels and "
        f"buys {campaign.batch:,} in each of {campaign.rounds} rounds"
    )


def report(config: SelectConfig, found: Simulation, reporter: Reporter) -> None:
    """Print the table of the methods, and what its intervals mean."""
    reporter.console.print(gains_table(found.gains, found.hits, found.classes))
    if not found.learns:
        reporter.say(
            "the model is no better on the test set than the mean label, so its error says nothing about labels saved"
        )
    winners = dict.fromkeys(gain.method for gain in found.gains if gain.saved and gain.saved.is_gain)
    said = f"labels are saved by {', '.join(winners)}" if winners else "no method saves labels beyond chance"
    many = found.gains[0].comparisons if found.gains else 0
    if many:
        reporter.say(
            f"{said}. Brackets are simultaneous {LEVEL:.0%} intervals over {count(config.repeats, 'seed')} for all "
            f"{many} comparisons (Bonferroni); they are wider if the seeds of a method buy the same molecules"
        )
    reporter.say(f"Results: {config.output}, see {ROUNDS}, {COMPARISONS} and {FIGURE}")
