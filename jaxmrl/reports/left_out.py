"""Tasks that some replicas have nothing to learn of, which their means leave out: at which sizes, and how many."""

from collections.abc import Mapping, Sequence

from jaxmrl.config.names import ROLLING
from jaxmrl.rows import COUNTED, UNDEFINED, ResultRow
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.text import count

_MOST_NAMED = 6
_OTHER_BLOCKS = (
    "each size is tested on different molecules, the block after its cut date: the intervals of laws do not include "
    "the differences between blocks, but those of the cut dates do"
)


def left_out_notes(
    curve: MeasuredCurve, rows: list[ResultRow], task: str, undefined: Mapping[int, Mapping[str, Sequence[str]]]
) -> tuple[str, ...]:
    """Return a line for each size at which a mean leaves out tasks that others do not, and what follows from it.

    Args:
        curve: whose points the means are.
        rows: of results.csv.
        task: "classification" or "regression".
        undefined: for each split by its seed, the tasks that have no metric on all training molecules, as "train", or
            on the test molecules, as "test": no mean includes them.
    """
    never = {seed: {*tasks["train"], *tasks["test"]} for seed, tasks in undefined.items()}
    by_size: dict[int, list[ResultRow]] = {}
    for row in rows:
        if row.curve.of_all_sizes == curve.identity and row.status in (*COUNTED, UNDEFINED):
            by_size.setdefault(row.n_train, []).append(row)
    notes = [note for n in sorted(by_size) for note in _notes_at(n, by_size[n], task, never)]
    notes = [*_notes_of_splits(never), *notes]
    if any("leaves out" in note for note in notes):
        notes.append("the points average different sets of tasks: compare sizes task by task in results.csv")
    if curve.identity.split == ROLLING:
        notes.append(_OTHER_BLOCKS)
    return tuple(notes)


def _notes_of_splits(never: Mapping[int, set[str]]) -> list[str]:
    """Return a remark on tasks that have no metric in some splits alone."""
    every = set.union(*never.values()) if never else set()
    some = sorted(task for task in every if any(task not in tasks for tasks in never.values()))
    if not some:
        return []
    named = [f"{task} (in {sum(task in tasks for tasks in never.values())} of {len(never)} splits)" for task in some]
    more = f" and {len(named) - _MOST_NAMED} more tasks" if len(named) > _MOST_NAMED else ""
    return [
        f"the means of the splits are over different tasks: some splits have too few labels of "
        f"{', '.join(named[:_MOST_NAMED])}{more}"
    ]


def _notes_at(n: int, rows: list[ResultRow], task: str, never: Mapping[int, set[str]]) -> list[str]:
    """Return the remarks on one size."""
    lacking = "one class only" if task == "classification" else "no label"
    defined = [row for row in rows if row.status != UNDEFINED]
    at, notes = f"at {count(n, 'molecule')}", []
    if len(defined) < len(rows):
        without = f"{len(rows) - len(defined)} of {count(len(rows), 'replica')}"
        notes.append(
            f"{at} {without} left out: {lacking} among the training molecules in every task that can be evaluated"
        )
    missing = {
        name: sum(row.tests[name] is None and name not in never[row.split_seed] for row in defined)
        for name in rows[0].tests
    }
    named = [f"{name} ({many} of {count(len(defined), 'replica')})" for name, many in missing.items() if many]
    if named:
        more = f" and {len(named) - _MOST_NAMED} more tasks" if len(named) > _MOST_NAMED else ""
        listed = ", ".join(named[:_MOST_NAMED]) + more
        notes.append(f"{at} the mean leaves out {listed}: {lacking} among the training molecules")
    return notes
