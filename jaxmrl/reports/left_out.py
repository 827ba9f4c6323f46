"""Tasks that some replicas have nothing to learn of, which their means leave out: at which sizes, and how many."""

from jaxmrl.data.task_data import TaskData
from jaxmrl.results import COUNTED, UNDEFINED, ResultRow
from jaxmrl.runs.curves import LearningCurve
from jaxmrl.text import count

_MOST_NAMED = 6


def left_out_notes(curve: LearningCurve, rows: list[ResultRow], problem: TaskData) -> tuple[str, ...]:
    """Return a line for each size at which a mean leaves out tasks that others do not, and what follows from it.

    Args:
        curve: whose points the means are.
        rows: of results.csv.
        problem: says which tasks the test molecules leave without a metric, which no mean includes.
    """
    never = {*problem.unjudged["train"], *problem.unjudged["test"]}
    tasks = [task for task in problem.table.tasks if task not in never]
    by_size: dict[int, list[ResultRow]] = {}
    for row in rows:
        if row.curve == curve.identity and row.status in (*COUNTED, UNDEFINED):
            by_size.setdefault(row.n_train, []).append(row)
    notes = [note for n in sorted(by_size) for note in _notes_at(n, by_size[n], tasks, problem)]
    if any("leaves out" in note for note in notes):
        notes.append("points are means over different tasks: compare sizes task by task in results.csv")
    return tuple(notes)


def _notes_at(n: int, rows: list[ResultRow], tasks: list[str], problem: TaskData) -> list[str]:
    """The lines on one size."""
    lacking = "one class only" if problem.table.task == "classification" else "no label"
    defined = [row for row in rows if row.status != UNDEFINED]
    at, notes = f"at {count(n, 'molecule')}", []
    if len(defined) < len(rows):
        without = f"{len(rows) - len(defined)} of {count(len(rows), 'replica')}"
        notes.append(f"{at} {without} left out: {lacking} among the training molecules in any task that can be judged")
    missing = {task: sum(row.tests[task] is None for row in defined) for task in tasks}
    named = [f"{task} ({many} of {count(len(defined), 'replica')})" for task, many in missing.items() if many]
    if named:
        more = f" and {len(named) - _MOST_NAMED} more tasks" if len(named) > _MOST_NAMED else ""
        listed = ", ".join(named[:_MOST_NAMED]) + more
        notes.append(f"{at} the mean leaves out {listed}: {lacking} among the training molecules")
    return notes
