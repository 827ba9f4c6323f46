"""Every curve of random subsets priced in the molecules of every other one, and where the two cross."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np

from jaxmrl.reports.against_baselines import paired_losses
from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.curve_comparison import molecules_text
from jaxmrl.rows import OptionalNumber, ResultRow, Rounded, Row
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.data_equivalence import DataEquivalence, data_equivalence
from jaxmrl.scaling.forecast import Forecast
from jaxmrl.scaling.target import FAR
from jaxmrl.text import about

_ROUND = 1_000
"""Molecules that are priced, where the curves reach so far."""

_GRID = 200


@dataclass(frozen=True)
class EquivalenceRow(Row):
    """A row of equivalence.csv: molecules of one curve in those of another, of the same split.

    n              molecules of the curve
    molecules      of the curve `than` that reach the same metric; low, high: its interval. Not known, or further off
                   than is looked for, where there is none
    crosses_after, crosses_before  sizes between which the curves cross; none if no crossing is beyond noise
    crosses_forecast               where the laws cross beyond the data, up to four times its largest size
    """

    split: str
    curve: str
    than: str
    n: float
    molecules: Rounded
    low: Rounded
    high: Rounded
    crosses_after: OptionalNumber
    crosses_before: OptionalNumber
    crosses_forecast: Rounded

    @property
    def price(self) -> DataEquivalence:
        """The molecules with their interval."""
        return DataEquivalence(self.n, self.molecules, self.low, self.high)

    @property
    def crossing(self) -> str:
        """Where the two curves cross, in a sentence; empty if they do not."""
        if self.crosses_after is not None and self.crosses_before is not None:
            where = f"between {self.crosses_after:,.0f} and {self.crosses_before:,.0f} molecules"
            return f"{self.curve} and {self.than} cross {where}."
        if self.crosses_forecast is not None:
            where = f"at about {about(self.crosses_forecast)} molecules"
            return f"{self.curve} and {self.than} are forecast to cross {where}."
        return ""


def equivalence_rows(
    curves: list[MeasuredCurve], analyses: list[Analysis], rows: list[ResultRow]
) -> list[EquivalenceRow]:
    """Return the row of every ordered pair of curves of a split that have a law."""
    found = []
    known = [k for k, one in enumerate(analyses) if one.forecast is not None and curves[k].points]
    for split in dict.fromkeys(curves[k].identity.split for k in known):
        places = [k for k in known if curves[k].identity.split == split]
        size = _priced_size([analyses[k].known_forecast for k in places])
        for one, other in permutations(places, 2):
            ours, theirs = analyses[one].known_forecast, analyses[other].known_forecast
            (price,) = data_equivalence(ours, theirs, np.array([size]))
            after, before = _measured_crossing(curves[one], curves[other], rows)
            found.append(
                EquivalenceRow(
                    split=split,
                    curve=curve_label(curves[one], curves),
                    than=curve_label(curves[other], curves),
                    n=size,
                    molecules=price.molecules,
                    low=price.low,
                    high=price.high,
                    crosses_after=after,
                    crosses_before=before,
                    crosses_forecast=_forecast_crossing(ours, theirs) if after is None else None,
                )
            )
    return found


def _priced_size(forecasts: list[Forecast]) -> float:
    """Return the size that is priced: 1,000 where every curve has it or can forecast it, else the largest of all."""
    first = max(float(one.points.n.min()) for one in forecasts)
    last = min(float(one.points.n.max()) for one in forecasts)
    return float(_ROUND) if first <= _ROUND <= FAR * last else last


def _measured_crossing(
    one: MeasuredCurve, other: MeasuredCurve, rows: list[ResultRow]
) -> tuple[float | None, float | None]:
    """Return the last two sizes between which another curve becomes the better one, each time beyond noise."""
    clear = [(pair.n, pair.is_worse) for pair in paired_losses(one, other, rows) if pair.is_worse or pair.is_better]
    for before, after in reversed(list(pairwise(clear))):
        if before[1] != after[1]:
            return float(before[0]), float(after[0])
    return None, None


def _forecast_crossing(one: Forecast, other: Forecast) -> float | None:
    """Return where two laws cross beyond the largest size that both curves have, up to FAR times that."""
    largest = min(float(one.points.n.max()), float(other.points.n.max()))
    grid = np.geomspace(largest, FAR * largest, _GRID)
    ahead = np.sign(one.error(grid) - other.error(grid))
    changes = np.flatnonzero(ahead[:-1] * ahead[1:] < 0)
    return float(grid[changes[0]]) if len(changes) else None


def matrices(rows: list[EquivalenceRow]) -> Iterator[tuple[str, float, list[str], list[list[str]]]]:
    """Yield, for each split, its name, the molecules that are priced, the curves, and the cells of the table.

    A cell [row, column] is how many molecules of the column's curve do what those of the row's curve do.
    """
    for split in dict.fromkeys(row.split for row in rows):
        own = [row for row in rows if row.split == split]
        names = list(dict.fromkeys(row.curve for row in own))
        prices = {(row.curve, row.than): molecules_text(row.price) for row in own}
        yield split, own[0].n, names, [[prices.get((one, other), "") for other in names] for one in names]


def crossings(rows: list[EquivalenceRow]) -> list[str]:
    """Return where curves cross, a sentence for each pair that does."""
    seen: set[frozenset[str]] = set()
    found = []
    for row in rows:
        pair = frozenset((row.split, row.curve, row.than))
        if pair not in seen and row.crossing:
            found.append(row.crossing)
        seen.add(pair)
    return found
