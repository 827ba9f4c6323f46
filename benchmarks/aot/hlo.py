"""The text of a compiled HLO module: instructions, their shapes, and how often one step runs each of them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

FREE = frozenset("parameter constant tuple get-tuple-element bitcast after-all partition-id replica-id".split())
"""Operations for which a device does nothing."""

TRANSFERS = frozenset("copy-start copy-done slice-start slice-done async-update async-done".split())
"""Transfers into a faster memory, which a device makes while it computes, and the ends of what it began before."""

NESTED = frozenset("while call conditional async-start".split())
"""Operations that run other computations; a fusion is one kernel instead."""

_BITS = {"pred": 8, "token": 0, "opaque": 0, "c64": 64, "c128": 128}
_ARRAY = re.compile(r"\b(pred|token|opaque|[a-z]+\d+\w*)\[([\d,]*)\](?:\{([\d,]*)(?::([^}]*))?\})?")
_TILE = re.compile(r"T\(([\d,]+)\)")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{$")
_ASSIGNMENT = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = (.*)$")
_CALLED = re.compile(r"\b(?:calls|body|to_apply|called_computations|branch_computations)=(\{[^}]*\}|%?[\w.\-]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


@dataclass(frozen=True)
class Array:
    """An array of a shape, as the text gives it: its type, its dimensions, and bytes with the padding of its layout."""

    kind: str
    dimensions: tuple[int, ...]
    padded_bytes: int

    @property
    def elements(self) -> int:
        return math.prod(self.dimensions)

    @property
    def bytes(self) -> int:
        return -(-self.elements * bits_of(self.kind) // 8)


def bits_of(kind: str) -> int:
    """Return the bits of an element: those that its name ends with, as f32, bf16 and u8 have, or begin f8e4m3fn."""
    return _BITS[kind] if kind in _BITS else int(re.search(r"\d+", kind)[0])


def arrays_of(shape: str) -> list[Array]:
    """Return the arrays of a shape, several for a tuple."""
    found = []
    for kind, sizes, order, layout in _ARRAY.findall(shape):
        dimensions = tuple(int(size) for size in sizes.split(",") if size)
        minor_first = [int(place) for place in order.split(",") if place]
        padded = _padded_elements(dimensions, minor_first, layout)
        found.append(Array(kind, dimensions, -(-padded * bits_of(kind) // 8)))
    return found


def _padded_elements(dimensions: tuple[int, ...], minor_first: list[int], layout: str) -> int:
    """Return the elements of an array whose innermost dimensions are rounded up to the first tile of its layout."""
    tile = _TILE.search(layout or "")
    sizes = [dimensions[place] for place in minor_first] or list(dimensions)
    if tile:
        for place, least in enumerate(reversed([int(size) for size in tile[1].split(",")])):
            if place < len(sizes):
                sizes[place] = -(-sizes[place] // least) * least
    return math.prod(sizes)


@dataclass(frozen=True)
class Instruction:
    """One line of a computation. `calls` names the computations that it runs or applies; `place` is a parameter's."""

    name: str
    opcode: str
    shape: str = field(repr=False)
    operands: tuple[str, ...]
    calls: tuple[str, ...]
    attributes: str = field(repr=False)
    place: int = 0
    is_root: bool = False

    @cached_property
    def arrays(self) -> list[Array]:
        return arrays_of(self.shape)

    @property
    def bytes(self) -> int:
        return sum(array.bytes for array in self.arrays)

    @property
    def trips(self) -> int | None:
        """How often a loop runs, where the compiler knows."""
        known = _TRIPS.search(self.attributes)
        return int(known[1]) if known else None


Computation = dict[str, Instruction]
"""By name, in the order of the text."""


class Launch(NamedTuple):
    """A kernel of a computation, and how often one step launches it."""

    kernel: Instruction
    within: Computation
    times: int


@dataclass(frozen=True)
class Module:
    """A compiled program."""

    entry: str
    computations: dict[str, Computation]

    def root(self, computation: str) -> Instruction:
        """Return the instruction whose value is that of a computation."""
        return next(one for one in self.computations[computation].values() if one.is_root)

    def inner(self, instruction: Instruction) -> Iterator[Instruction]:
        """Return the instructions of a kernel: those that a fusion fuses, nested ones too, else itself."""
        if instruction.opcode != "fusion":
            yield instruction
            return
        for name in instruction.calls:
            for one in self.computations[name].values():
                yield from self.inner(one)

    def step(self) -> str:
        """Return the computation that is one step: the body of the largest loop that the program begins with, or all of
        a program without loops.
        """
        bodies = [one.calls[0] for one in self._reached(self.entry) if one.opcode == "while" and one.trips is None]
        return max(bodies, key=lambda name: sum(1 for _ in self.launches(name)), default=self.entry)

    def launches(self, computation: str, times: int = 1) -> Iterator[Launch]:
        """Return the kernels that a computation launches: those of a loop as often as it runs, or once if the compiler
        does not know.
        """
        within = self.computations[computation]
        for one in within.values():
            if one.opcode in NESTED:
                inside = times * ((one.trips or 1) if one.opcode == "while" else 1)
                for name in one.calls:
                    yield from self.launches(name, inside)
            elif one.opcode not in FREE | TRANSFERS:
                yield Launch(one, within, times)

    def loops(self, computation: str) -> list[Instruction]:
        """Return the loops that a computation runs, nested ones too."""
        return [one for one in self._reached(computation) if one.opcode == "while"]

    def _reached(self, computation: str) -> Iterator[Instruction]:
        for one in self.computations[computation].values():
            yield one
            if one.opcode in NESTED:
                for name in one.calls:
                    yield from self._reached(name)


def parse(text: str) -> Module:
    """Return a module from its text, as `jax.stages.Compiled.as_text` gives it."""
    entry, computations, current = "", {}, None
    for line in text.splitlines():
        if header := _HEADER.match(line):
            current = computations.setdefault(header[2], {})
            entry = header[2] if header[1] else entry
        elif current is not None and (found := _ASSIGNMENT.match(line)):
            instruction = _instruction(found[2], found[3], bool(found[1]))
            current[instruction.name] = instruction
        elif line.startswith("}"):
            current = None
    return Module(entry, computations)


def _instruction(name: str, rest: str, is_root: bool) -> Instruction:
    shape_end = _closing(rest) + 1 if rest.startswith("(") else rest.index(" ")
    shape, after = rest[:shape_end], rest[shape_end:].lstrip()
    opcode, _, arguments = after.partition("(")
    end = _closing("(" + arguments) - 1
    operands = re.findall(r"%([\w.\-]+)", arguments[:end])
    attributes = arguments[end:]
    called = [word for group in _CALLED.findall(attributes) for word in re.findall(r"[\w.\-]+", group)]
    place = int(arguments[:end]) if opcode == "parameter" else 0
    return Instruction(name, opcode, shape, tuple(operands), tuple(called), attributes, place, is_root)


def _closing(text: str) -> int:
    """Return the place of the parenthesis that closes the one `text` begins with."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place
    raise ValueError(f"no closing parenthesis: {text[:80]}")
