"""The bytes that a kernel of a compiled program reads and writes."""

from collections.abc import Iterator

from benchmarks.aot.hlo import Computation, Instruction, Module

_TAKING = frozenset({"gather", "dynamic-slice", "slice"})
"""Operations that read as much of their first operand as they return."""

_SAME = frozenset({"bitcast", "reshape"})


def bytes_of(module: Module, kernel: Instruction, within: Computation) -> int:
    """Return the bytes that a kernel of the computation `within` reads and writes.

    Of an operand that it only gathers or slices from, that is what it takes; of one that it updates in place, what it
    changes. Whatever else it needs is counted once, as if a cache held the rest.
    """
    if kernel.opcode == "fusion":
        own = module.computations[kernel.calls[0]]
        parameters = {one.place: one.name for one in own.values() if one.opcode == "parameter"}
        whole = [_size(name, within) for name in kernel.operands]
        return _written(own) + sum(min(size, _used(own, parameters[k], size)) for k, size in enumerate(whole))
    if kernel.opcode in _TAKING:
        return 2 * kernel.bytes
    if kernel.opcode == "dynamic-update-slice":
        return 2 * _size(kernel.operands[1], within)
    return kernel.bytes + sum(_size(name, within) for name in kernel.operands)


def _size(name: str, within: Computation) -> int:
    return within[name].bytes if name in within else 0


def _used(own: Computation, name: str, whole: int) -> int:
    """Return the bytes that a fused computation reads of the value `name`, which has `whole` bytes."""
    total = 0
    for user in (one for one in own.values() if name in one.operands):
        is_source = user.operands[0] == name
        if user.opcode in _TAKING and is_source:
            total += user.bytes
        elif user.opcode in _SAME:
            total += _used(own, user.name, whole)
        elif not (user.opcode == "dynamic-update-slice" and is_source):
            return whole
    return total


def _written(own: Computation) -> int:
    """Return the bytes that a fused computation writes."""
    return sum(_changed(own, one) for one in _results(own, next(one for one in own.values() if one.is_root)))


def _results(own: Computation, root: Instruction) -> Iterator[Instruction]:
    """Return the values that a computation returns."""
    if root.opcode == "tuple":
        for name in root.operands:
            yield from _results(own, own[name])
    else:
        yield root


def _changed(own: Computation, result: Instruction) -> int:
    while result.opcode in _SAME and result.operands[0] in own:
        result = own[result.operands[0]]
    return own[result.operands[1]].bytes if result.opcode == "dynamic-update-slice" else result.bytes
