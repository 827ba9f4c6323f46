"""Which runs are of the same data at different times: what run.json says of the runs before a child run."""

from dataclasses import asdict, dataclass
from typing import Any

_DATA = "data of the "
"""What names the digest of a split's molecules and labels in run.json."""

_ENTRY = "previous"
"""The name of a `LineageRecord` in run.json."""


@dataclass(frozen=True)
class LineageRecord:
    """What run.json says of the run before a child run, and of what has changed since.

    Attributes:
        run: Its directory.
        data: The digests of its splits, which identify it, and those of the runs before it, the latest first.
        added: The number of rows that were added.
        removed: The number of rows that were removed.
        relabeled: The number of rows with other labels, censored ones included.
        reweighted: The number of rows with another weight in the training loss.
        held_out_changed: How many validation and test molecules have been removed or have other labels since the first
            of these runs.
    """

    run: str
    data: list[dict[str, str]]
    added: int
    removed: int
    relabeled: int
    reweighted: int
    held_out_changed: int

    @property
    def entry(self) -> dict[str, Any]:
        """The record as an entry of run.json."""
        return {_ENTRY: asdict(self)}


def split_digests(metadata: dict[str, Any]) -> dict[str, str]:
    """Return the digests of the molecules and labels of each split of a run, from the content of run.json."""
    return {name: digest for name, digest in metadata["data"].items() if name.startswith(_DATA)}


def split_of(name: str) -> str:
    """Return the split of a digest's name, such as `random split`."""
    return name.removeprefix(_DATA)


def lineage_of(metadata: dict[str, Any]) -> tuple[list[dict[str, str]], int]:
    """Return the digests of a run and of those before it, the latest first, and how many validation and test molecules
    have changed since the first.
    """
    record = metadata.get(_ENTRY, {})
    return [split_digests(metadata), *record.get("data", [])], record.get("held_out_changed", 0)


def are_related(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two runs have a common ancestor, or one is that of the other, by the content of run.json."""
    return any(_same_data(mine, theirs) for mine in lineage_of(one)[0] for theirs in lineage_of(other)[0])


def _same_data(one: dict[str, str], other: dict[str, str]) -> bool:
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[name] == other[name] for name in shared)
