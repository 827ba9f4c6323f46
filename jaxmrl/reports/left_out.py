"""Tasks that some replicas have nothing to learn of, which their means leave out: at which sizes, and how many."""

from collections.abc import Mapping, Sequence

from jaxmrl.rows import COUNTED, UNDEFINED, ResultRow
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.text import count

_MOST_NAMED = 6


def left_out_notes(
    curve: MeasuredCurve, rows: list[ResultRow], task: str, undefined: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Return a line for each size at which a mean leaves out tasks that others do not, and what follows from it.

    Args:
        curve: whose points the means are.
        rows: of results.csv.
        task: "classification" or "regression".
        undefined: the tasks that have no metric on all training molecules, as "train", or on the test molecules, as
            "test": no mean includes them.
    """
    never = {*undefined["train"], *undefined["test"]}
    by_size: dict[int, list[ResultRow]] = {}
    for row in rows:
        if row.curve.of_all_sizes == curve.identity and row.status in (*COUNTED, UNDEFINED):
            by_size.setdefault(row.n_train, []).append(row)
    notes = [note for n in sorted(by_size) for note in _notes_at(n, by_size[n], task, never)]
    if any("leaves out" in note for note in notes):
        notes.append("the points average different sets of tasks: compare sizes task by task in results.csv")
    return tuple(notes)


def _notes_at(n: int, rows: list[ResultRow], task: str, never: set[str]) -> list[str]:
    """Return the remarks on one size."""
    lacking = "one class only" if task == "classification" else "no label"
    defined = [row for row in rows if row.status != UNDEFINED]
    at, notes = f"at {count(n, 'molecule')}", []
    if len(defined) < len(rows):
        without = f"{len(rows) - len(defined)} of {count(len(rows), 'replica')}"
        notes.append(
            f"{at} {without} left out: {lacking} among the training molecules in every task that can be evaluated"
        )
    missing = {name: sum(row.tests[name] is None for row in defined) for name in rows[0].tests if name not in never}
    named = [f"{name} ({many} of {count(len(defined), 'replica')})" for name, many in missing.items() if many]
    if named:
        more = f" and {len(named) - _MOST_NAMED} more tasks" if len(named) > _MOST_NAMED else ""
        listed = ", ".join(named[:_MOST_NAMED]) + more
        notes.append(f"{at} the mean leaves out {listed}: {lacking} among the training molecules")
    return notes
