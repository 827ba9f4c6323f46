"""The floating-point operations of products of matrices in a compiled program, by the precision of their operands."""

import math
import re
from collections import Counter

from benchmarks.aot.hlo import Array, Computation, Instruction, Module

_CONTRACTED = re.compile(r'(?:lhs_contracting_dims=\{|"lhs_contracting_dimensions":\[)([\d,"]*)')
_LABELS = re.compile(r"dim_labels=(\w+)_(\w+)->(\w+)")
_EXACT = re.compile(r'operand_precision=\{high|"operand_precision":\["HIGH|algorithm=dot_\w*(?:f32_f32_f32|x[369])\b')
_LIBRARY = ("__cublas$", "__triton_gemm", "__cudnn$")


def products_of(module: Module, kernel: Instruction, within: Computation, default: str) -> dict[str, float]:
    """Return {precision: operations} of the products in a kernel of the computation `within`.

    default: the precision of products of float32 operands that do not ask for the highest.
    """
    found: Counter[str] = Counter()
    computations = [within] if kernel.opcode != "fusion" else _fused(module, kernel)
    for own in computations:
        for one in [kernel] if kernel.opcode != "fusion" else own.values():
            if operations := operations_of(one, own):
                found[precision_of(one, own, default)] += operations
    return dict(found)


def _fused(module: Module, fusion: Instruction) -> list[Computation]:
    """Return the computations that a fusion runs, nested ones too."""
    found = []
    for name in fusion.calls:
        own = module.computations[name]
        found.append(own)
        for one in own.values():
            if one.opcode == "fusion":
                found += _fused(module, one)
    return found


def operations_of(one: Instruction, own: Computation) -> float:
    """Return the operations of a product, 2 for each pair of numbers that it multiplies; 0 for anything else."""
    if one.opcode == "dot" or (one.opcode == "custom-call" and any(name in one.attributes for name in _LIBRARY)):
        contracted = _CONTRACTED.search(one.attributes)
        lhs = _array(own, one.operands[0])
        if contracted is None or lhs is None:
            return 0.0
        places = [int(place) for place in contracted[1].replace('"', "").split(",") if place]
        return 2.0 * one.arrays[0].elements * math.prod(lhs.dimensions[place] for place in places)
    return _convolution(one, own) if one.opcode == "convolution" else 0.0


def _convolution(one: Instruction, own: Computation) -> float:
    """Return the operations of a product that a TPU's compiler writes as a convolution: batch dimensions become spatial
    ones, whose windows have one place that is not padding.
    """
    labels, rhs = _LABELS.search(one.attributes), _array(own, one.operands[1])
    if labels is None or rhs is None:
        return 0.0
    kernel, result = labels[2], labels[3]
    contracted = rhs.dimensions[kernel.index("i")]
    for place, label in enumerate(kernel):
        if label.isdigit():
            size = rhs.dimensions[place]
            is_batch = one.arrays[0].dimensions[result.index(label)] == size
            contracted *= 1 if is_batch else size
    return 2.0 * one.arrays[0].elements * contracted


def precision_of(one: Instruction, own: Computation, default: str) -> str:
    """Return the precision of a product's operands, a name in `config.PRECISIONS`."""
    lhs = _array(own, one.operands[0])
    if lhs is not None and lhs.kind == "bf16":
        return "bfloat16"
    return "float32" if _EXACT.search(one.attributes) else default


def _array(own: Computation, name: str) -> Array | None:
    return own[name].arrays[0] if name in own and own[name].arrays else None
