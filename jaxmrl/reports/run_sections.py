"""The sections of a report that describe the run: its data, its settings, rejected rows, and how to repeat it."""

import os
import shlex
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

from jaxmrl.config import SweepConfig, to_toml
from jaxmrl.config.lengths import length_text
from jaxmrl.config.names import SCRATCH
from jaxmrl.data.loading import extra_text, kin_text, repeats_text, scaffold_text
from jaxmrl.io.records import reason_groups
from jaxmrl.reports.blocks import Block, Section, sentence, table
from jaxmrl.reports.findings import Findings
from jaxmrl.text import count

MOST_REJECTED = 20
"""Rows and reasons that are shown."""


def data_section(found: Findings) -> Section:
    """Return what the models were trained and tested on."""
    config, problem = found.config, found.problems[0]
    table = problem.table
    done = Counter(row.status for row in found.rows)
    items = [
        f"{config.name}: {count(table.rows, 'row')}, {len(table) - problem.extra_molecules:,} usable molecules, "
        f"{count(len(table.tasks), 'task')} ({table.task}), {found.metric_title}.",
        f"{count(len(found.rows), 'replica')}: {', '.join(f'{status} {many}' for status, many in done.items())}; "
        f"{', '.join(filter(None, (count(config.seeds, 'seed'), length_text(config))))}.",
    ]
    summaries = (
        problem.facts.get(name, {}).get("summary") for name in ("standardized_molecules", "repeated_molecules")
    )
    items += map(sentence, filter(None, summaries))
    for several in found.kinds.values():
        one = several[0]
        parts = ", ".join(f"{name} {len(ids):,}" for name, ids in one.split.parts().items())
        items.append(f"{sentence(one.split_name)[:-1]} split: {parts} molecules.")
        if one.near is not None:
            items.append(f"{one.near_text} of test molecules have a close analog in training (ECFP4 Tanimoto > 0.7).")
        if one.same_scaffold:
            items.append(sentence(scaffold_text(one)))
        if one.shared:
            items.append(f"{count(one.shared, 'molecule')} in validation or test also occur in another part.")
        if one.extra is not None:
            items.append(f"{config.extra_name}: {sentence(extra_text(several))}")
        if one.kin:
            items.append(sentence(kin_text(one.kin, one.split)))
        if len(several) > 1 and not one.repeat.cut:
            items.append(sentence(repeats_text(several)))
    items += map(sentence, table.notes)
    return Section("Data", [Block("list", items=items)])


def settings_section(found: Findings) -> Section:
    """Return the settings that differ from their defaults, and all of them folded."""
    rows = changed_settings(found.config)
    text = "All settings have their default values."
    shown = table("Settings that differ from the default", ("setting", "value", "default"), rows)
    folded = Block("code", text=to_toml(found.config), caption="All settings (config.toml)", folded=True)
    return Section("Settings", [shown if rows else Block("text", text=text), folded])


def changed_settings(config: SweepConfig) -> list[tuple[str, str, str]]:
    """Return name, value and default of each setting that was changed; `out` alone changes nothing."""
    config, default = config.resolved(), SweepConfig().resolved()
    return [
        (f"--{one.name.replace('_', '-')}", _setting_text(value), _setting_text(usual))
        for one in fields(config)
        if one.name != "out"
        and (value := getattr(config, one.name)) != (usual := getattr(default, one.name))
        and not (one.name == "dataset" and config.file)
    ]


def _setting_text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "not set"
    return "not set" if value is None else str(value)


def rejected_section(found: Findings) -> Section | None:
    """Return which rows could not be used, and why."""
    rejected = found.problems[0].table.rejected
    if not rejected:
        return None
    groups = [(f"{len(rows):,}", rows[0].reason, f"{rows[0].line:,}") for rows in reason_groups(rejected)]
    blocks = [
        table("Reasons", ("rows", "reason (of the first row)", "line of the first row"), groups[:MOST_REJECTED], (0, 2))
    ]
    rows = [(f"{row.line:,}", row.text[:200], row.reason) for row in rejected[:MOST_REJECTED]]
    more = f"; the first {MOST_REJECTED}, all are in rejected.csv" if len(rejected) > MOST_REJECTED else ""
    caption = f"{count(len(rejected), 'row')} that could not be used{more}"
    blocks.append(table(caption, ("line", "text", "reason"), rows, (0,), folded=True))
    return Section("Rejected rows", blocks)


def repeat_section(found: Findings) -> Section:
    """Return the command that repeats the run, and the machine and versions of this one."""
    facts = found.facts
    versions = ", ".join(f"{name} {version}" for name, version in facts["software"].items())
    lanes = [f"{name}: {value}" for name, value in facts.items() if name.startswith("lanes of ")]
    digests = [f"digest of {name}: {value}" for name, value in (facts["data"] | facts["init"]).items()]
    items = [
        f"device: {facts['device']}",
        f"versions: {versions}",
        f"seeds: {', '.join(map(str, range(found.config.seeds)))}; {_split_seeds_text(found)}",
        *lanes,
        *digests,
    ]
    said = "Run this in the folder of this report, next to config.toml. It writes to a new folder named repeated."
    return Section(
        "Repeat this run",
        [Block("text", text=said), Block("code", text=repeat_command(found.config)), Block("list", items=items)],
    )


def _split_seeds_text(found: Findings) -> str:
    seeds = sorted({one.repeat.seed for one in found.problems})
    return f"split seed{'s' * (len(seeds) > 1)}: {', '.join(map(str, seeds))}"


def repeat_command(config: SweepConfig) -> str:
    """Return the command that repeats a run from within its directory.

    The settings in config.toml name files relative to where the run began; the command names them in full.
    """
    words = ["python", "-m", "jaxmrl.sweep", "--config", "config.toml"]
    for name in ("csv", "npz", "split_file", "scores", "embeddings", "previous", "extra"):
        if (path := getattr(config, name)) is not None:
            words += [f"--{name.replace('_', '-')}", _full_name(path)]
    if config.checkpoints:
        words += ["--init", *(init if init == SCRATCH else _full_name(init) for init in config.init)]
    return shlex.join([*words, "--out", "repeated"])


def _full_name(path: str | Path) -> str:
    """Return the absolute path as UTF-8 spells it, even in a locale that cannot: the report is UTF-8 in any."""
    return os.fsencode(Path(path).absolute()).decode("utf-8", "replace")
