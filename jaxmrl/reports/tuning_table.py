"""What `--tune` chose, beside the default setting: lines of the terminal and a section of the report."""

from dataclasses import dataclass

from jaxmrl.config.names import PER_SD
from jaxmrl.reports.blocks import Block, Section, table
from jaxmrl.rows import AT_EACH_SIZE, CurveIdentity
from jaxmrl.runs.curves import distinguishing
from jaxmrl.runs.tuning import DEFAULT_CANDIDATE, TuningRow, chosen_rows, default_rows
from jaxmrl.text import about, count
from jaxmrl.training.metrics import METRICS, mean_label_of

_OPTIMISTIC = (
    "The validation metric of the chosen setting is the best of many, so it is optimistic. The test molecules took no "
    "part in the choice. tuning.csv has every setting."
)


@dataclass(frozen=True)
class Choice:
    """A setting that was chosen, beside the default.

    name      what distinguishes its curve from the others that were tuned
    settings  how many there were to choose from
    """

    name: str
    chosen: TuningRow
    default: TuningRow
    settings: int

    @property
    def is_default(self) -> bool:
        """Whether the default setting was chosen."""
        return self.chosen.candidate == DEFAULT_CANDIDATE

    @property
    def values(self) -> tuple[str, ...]:
        """Learning rate, weight decay, dropout and weight of positives of the chosen setting."""
        own = self.chosen.settings
        values = own.learning_rate, own.weight_decay, own.dropout, own.positive_weight
        return tuple(f"{value:.3g}" for value in values)

    @property
    def metrics(self) -> tuple[str, str]:
        """Validation metrics of the chosen setting and of the default."""
        return _metric(self.chosen), _metric(self.default)


def choices_of(rows: list[TuningRow]) -> list[Choice]:
    """Return what was chosen, in the order of tuning.csv."""
    chosen, defaults = chosen_rows(rows), default_rows(rows)
    curves = list(dict.fromkeys(curve for curve, _ in chosen))
    return [
        Choice(_name(study[0], curves), row, defaults[study], sum(one.study == study and one.rung == 1 for one in rows))
        for study, row in chosen.items()
    ]


def tuning_lines(rows: list[TuningRow]) -> list[str]:
    """Return a sentence for each setting that was chosen."""
    return [_line(one) for one in choices_of(rows)]


def tuning_section(rows: list[TuningRow]) -> Section | None:
    """Return the section of the report; None for a run that tuned nothing."""
    choices = choices_of(rows)
    if not choices:
        return None
    metric = rows[0].metric
    better = "higher" if METRICS[metric.removesuffix(PER_SD)].higher_is_better else "lower"
    weighted = METRICS[metric.removesuffix(PER_SD)].task == "classification"
    head = ("curve", "molecules", "learning rate", "weight decay", "dropout", *("weight of positives",) * weighted)
    head += (f"validation {mean_label_of(metric)}", "with the default")
    cells = [
        (one.name, f"{one.chosen.n_train:,}", *(one.values if weighted else one.values[:3]), *one.metrics)
        for one in choices
    ]
    caption = (
        f"The best of {count(choices[0].settings, 'setting')} on the validation molecules ({better} is better), by "
        "successive halving, with seed 0"
    )
    each = rows[0].curve.tuning.endswith(AT_EACH_SIZE)
    used = "" if each else " The replicas of all sizes and seeds were trained with it."
    shown = table(caption, head, cells, tuple(range(1, len(head))))
    return Section("Tuning", [shown, Block("text", text=_OPTIMISTIC + used)])


def _line(one: Choice) -> str:
    label, (best, usual) = mean_label_of(one.chosen.metric), one.metrics
    at = f"{one.name}, {count(one.chosen.n_train, 'molecule')}"
    if one.is_default:
        return f"{at}: of {one.settings} settings, none is better than the default (validation {label} {usual})"
    rate, decay, dropout, weight = one.values
    weighted = METRICS[one.chosen.metric.removesuffix(PER_SD)].task == "classification"
    positives = f", weight of positives {weight}" if weighted else ""
    return (
        f"{at}: the best of {one.settings} settings has learning rate {rate}, weight decay {decay}, dropout {dropout}"
        f"{positives} (validation {label} {best}; with the default {usual})"
    )


def _metric(row: TuningRow) -> str:
    return "diverged" if row.valid is None else about(row.valid)


def _name(curve: CurveIdentity, curves: list[CurveIdentity]) -> str:
    """Return the name of a model with its size, and what else distinguishes the curve from others."""
    cells, apart = curve.cells(), distinguishing(curves)
    more = [f"{name} {cells[name]}" for name in apart if name not in ("modality", "model", "width", "depth", "params")]
    return ", ".join([f"{curve.modality}-{curve.model}-{curve.width}x{curve.depth}", *more])
