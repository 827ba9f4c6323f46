"""Labels as logarithms: log10 of any number, or pIC50 of a concentration."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.data.relations import units_of
from jaxmrl.data.targets import Column
from jaxmrl.errors import DataError
from jaxmrl.io.cells import number_in, reversed_sides
from jaxmrl.io.missing import is_mark
from jaxmrl.io.records import Records, column_names, plain_names
from jaxmrl.io.units import MOLAR, POWERS, unit_in, unit_of
from jaxmrl.text import count

_LONGEST = 20
"""Characters of a unit that a remark repeats."""

_LOGARITHM = re.compile(
    r"(?<![A-Za-z])(?:[pP]-?[(\[]?(?i:(?:IC|EC|AC|CC|ED|GI|LC|LD|XC)_?\d+|ChEMBL)|p\(?K[iIdDbBaA](?![A-Za-z])"
    r"|-?\s?(?i:log(?:10|arithmic)?|lg|ln)(?=[\s_(\d)]|$|(?i:IC|EC|K[id])))"
)
"""What in a name says that numbers are logarithms: pIC50, pKi, -log10 Ki, log D."""

_POTENCY = re.compile(r"([A-Z]{2}\d{2}|K[a-zA-Z])(?![A-Za-z])")
"""What is measured, in the name of a column: IC50, EC90, Ki, ..."""


@dataclass(frozen=True)
class LogScale:
    """A scale of labels. unit: of concentrations that become pIC50, a key of POWERS; None for log10."""

    unit: str | None = None

    def apply(
        self, path: Path, records: Records, columns: list[Column], labels: np.ndarray
    ) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
        """Return the logarithms of labels [N, T], the names of the tasks, and remarks.

        pIC50 is -log10 of the concentration in mol per liter. The unit in a label's own cell, or in a column of units,
        counts. Labels of 0 or less, and those in what is no unit of concentration, become missing. Raises
        DataError for a column whose name or cells have another unit.
        """
        logs, remarks = np.full(labels.shape, np.nan), []
        units = units_of(records, columns) if self.unit else [None] * len(columns)
        for k, column in enumerate(columns):
            self._check_logarithm(path, column)
            below = self._check_unit(path, records, column)
            own = _own_units(column, None if below else units[k])
            powers, said = self._powers(own, column, ~np.isnan(labels[:, k]))
            known = labels[:, k] > 0
            logs[known, k] = np.log10(labels[known, k])
            if self.unit:
                logs[:, k] = powers - logs[:, k]
            remarks += [self._remark(column, logs[:, k]), *said, *(_odd_below(records, column) if self.unit else ())]
            if without := int((labels[:, k] <= 0).sum()):
                zeros = f"{count(without, 'label')} of 0 or less, which has no logarithm"
                remarks.append(f"{column.name}: {zeros}; treated as missing")
        return logs, tuple(plain_names(map(self._name, columns))), remarks

    def sides(self, sides: np.ndarray) -> np.ndarray:
        """Return the sides [N, T] of labels, as of `io.cells`, after `apply`: above 10 µM is below a pIC50 of 5."""
        return reversed_sides(sides) if self.unit else sides

    def _powers(self, units: list[str] | None, column: Column, known: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Return the power of ten of each label's unit [N], NaN for what is no concentration, and remarks."""
        if self.unit is None or units is None:
            return np.full(len(known), float(POWERS[self.unit]) if self.unit else 0.0), []
        units = [unit_of(unit) or ("" if is_mark(unit) else unit) or self.unit for unit in units]
        powers = np.array([POWERS.get(unit, np.nan) for unit in units], float)
        own = np.array([unit != self.unit for unit in units], bool) & known
        found = Counter(unit for unit, some in zip(units, own, strict=True) if some)
        said = []
        for what, some in (("converted from", set(POWERS)), ("treated as missing:", set(found) - set(POWERS))):
            if named := [f"{unit[:_LONGEST]} {many:,}" for unit, many in found.most_common() if unit in some]:
                said.append(f"{column.name}: labels with another unit {what} {column_names(named, 4)}")
        return powers, said

    def _remark(self, column: Column, logs: np.ndarray) -> str:
        formula = f"{POWERS[self.unit]} - log10({self.unit})" if self.unit else "log10"
        known = logs[~np.isnan(logs)]
        values = f", {known.min():.3g} to {known.max():.3g}" if len(known) else ""
        return f"{column.name}: labels are {self._name(column)} = {formula} of its numbers{values}"

    def _name(self, column: Column) -> str:
        """Return the name of a task: pIC50 for a column called IC50 (nM)."""
        if not self.unit:
            return f"log10 {column.name}"
        found = _POTENCY.search(column.name)
        unit = r"[\s_]*[(\[]?" + MOLAR.pattern + r"[)\]]?"
        rest = " ".join(re.sub(unit, "", column.name, flags=re.IGNORECASE).split())
        return f"p{rest}" if found and found.start() == 0 else f"pIC50 of {rest or column.name}"

    def _check_unit(self, path: Path, records: Records, column: Column) -> bool:
        """Return whether a row below the header states the unit of a column. Raise DataError for another unit."""
        below = [unit for fields in records.empty if (unit := _unit_below(fields[column.at]))]
        stated = [unit_in(column.source) or unit_in(column.name) or column.numbers.style.unit, *below]
        other = next((unit for unit in filter(None, stated) if (unit_of(unit) or unit) != self.unit), None)
        if self.unit and other:
            where = f"{path}, column {column.source}"
            raise DataError(f"{where}: the unit of its numbers is {other!r}, and --pic50 says {self.unit}")
        return bool(below)

    def _check_logarithm(self, path: Path, column: Column) -> None:
        if self.unit and (found := _LOGARITHM.search(column.name)):
            raise DataError(
                f"{path}, column {column.source}: its name has {found[0].strip()!r}, so its numbers are logarithms "
                "already; omit --pic50"
            )


def _own_units(column: Column, beside: list[str] | None) -> list[str] | None:
    """Return the unit of each label [N]: the one in its own cell, or that of a column of units; None if both lack."""
    own = column.numbers.units
    if own is None:
        return beside
    return [unit or other for unit, other in zip(own, beside or [""] * len(own), strict=True)]


def _odd_below(records: Records, column: Column) -> list[str]:
    """Return a remark on a text below the name of a column that may be its unit, and is no unit of concentration."""
    texts = list(filter(None, (fields[column.at].strip() for fields in records.empty)))
    if any(map(_unit_below, texts)):
        return []
    odd = [text for text in texts if number_in(text) is None and len(text) <= _LONGEST]
    return (
        [f"{column.name}: {odd[0]!r} below its name is not compared with the unit that --pic50 states"] if odd else []
    )


def _unit_below(text: str) -> str | None:
    """Return the unit of concentration that a cell below the header states, as it is written there; else None."""
    text = text.strip(" ()[]")
    found = MOLAR.search(text)
    return text if unit_of(text) else found and found[0].strip()
