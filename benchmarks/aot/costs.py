"""What one step of a compiled program does: its kernels, bytes, products and copies, and the least time for these."""

import re
from collections import Counter
from dataclasses import dataclass

from benchmarks.aot.hlo import Instruction, Launch, Module
from benchmarks.aot.products import products_of
from benchmarks.aot.targets import Target
from benchmarks.aot.traffic import bytes_of

COUNTED = ("gather", "scatter", "sort", "copy", "transpose")

_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_COMPARE_AND_SWAP = re.compile(r"^\s*(?:@%\w+ )?atom\S*\.cas\.", re.MULTILINE)
_MOVING = frozenset("copy transpose bitcast parameter tuple reshape".split())


@dataclass(frozen=True)
class StepCosts:
    """One step, or one call of a program that has no loop of steps.

    kernels         launches of kernels, `looped` of them by loops inside the step
    counts          operations by name, those in fused kernels included, as often as they run; and loops
    float_scatters  scatters that add floating-point numbers, or combine them otherwise
    doubles         values that are 64-bit floating-point numbers
    bytes           what kernels read and write
    padding         bytes that layouts add to what kernels write, as a share of it
    products        {precision: floating-point operations of products of matrices}
    seconds         the sum over kernels of their least seconds
    product_seconds  of products alone, at the peak of their precision
    copy_seconds    of kernels that only copy or transpose
    """

    kernels: int
    looped: int
    counts: dict[str, int]
    float_scatters: int
    doubles: int
    bytes: int
    padding: float
    products: dict[str, float]
    seconds: float
    product_seconds: float
    copy_seconds: float


def step_costs(module: Module, target: Target, default: str) -> StepCosts:
    """Return the costs of one step of a program compiled for `target`.

    default: the precision of products of float32 operands that do not ask for the highest.
    """
    step = module.step()
    counts: Counter[str] = Counter()
    products: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for launch in module.launches(step):
        kernel, within, times = launch
        own, moved = products_of(module, kernel, within, default), bytes_of(module, kernel, within)
        seconds = kernel_seconds(target, moved, own, estimated_cycles(kernel))
        products.update({precision: times * operations for precision, operations in own.items()})
        _count(module, launch, counts)
        sums.update(kernels=times, looped=times * (times > 1), bytes=times * moved, seconds=times * seconds)
        sums.update(copy_seconds=times * seconds * is_copy(module, kernel), plain=times * kernel.bytes)
        sums.update(padded=times * sum(array.padded_bytes for array in kernel.arrays))
    return StepCosts(
        kernels=sums["kernels"],
        looped=sums["looped"],
        counts={name: counts[name] for name in COUNTED} | {"while": len(module.loops(step))},
        float_scatters=counts["float scatter"],
        doubles=counts["double"],
        bytes=sums["bytes"],
        padding=sums["padded"] / max(1, sums["plain"]) - 1,
        products=dict(products),
        seconds=float(sums["seconds"]),
        product_seconds=product_seconds(target, products),
        copy_seconds=float(sums["copy_seconds"]),
    )


def _count(module: Module, launch: Launch, counts: Counter[str]) -> None:
    """Count the operations of a kernel, and those that no program should have."""
    for one in module.inner(launch.kernel):
        kinds = {array.kind for array in one.arrays}
        counts[one.opcode] += launch.times
        counts["double"] += launch.times * bool(kinds & {"f64", "c128"})
        counts["float scatter"] += launch.times * (any("f" in kind for kind in kinds) and _adds(module, one))


def _adds(module: Module, one: Instruction) -> bool:
    """Return whether an instruction is a scatter that does more than to write values in their places."""
    return one.opcode == "scatter" and module.root(one.calls[0]).opcode != "parameter"


def kernel_seconds(target: Target, moved: int, products: dict[str, float], cycles: int) -> float:
    """Return the least seconds of a kernel: by the compiler's estimate where there is one, else the longer of its times
    at peak bandwidth and at peak operations, and its launch.
    """
    if cycles:
        return cycles / target.clock
    return max(moved / target.bandwidth, product_seconds(target, products)) + target.launch


def product_seconds(target: Target, products: dict[str, float]) -> float:
    """Return the seconds of products at the peak of their precision."""
    return sum(operations / target.products[precision] for precision, operations in products.items())


def estimated_cycles(kernel: Instruction) -> int:
    """Return the cycles that a TPU's compiler estimates for a kernel; 0 where it says nothing."""
    found = _CYCLES.search(kernel.attributes)
    return int(found[1]) if found else 0


def is_copy(module: Module, kernel: Instruction) -> bool:
    """Return whether a kernel only moves values to another place or layout."""
    opcodes = {one.opcode for one in module.inner(kernel)}
    return opcodes <= _MOVING and bool(opcodes & {"copy", "transpose"})


def compare_and_swaps(ptx: str) -> int:
    """Return how many compare-and-swap instructions PTX code has: float scatter-adds become loops of them where the
    compiler does not know the device's atomic addition.
    """
    return len(_COMPARE_AND_SWAP.findall(ptx))
