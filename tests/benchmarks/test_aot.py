"""Counts of compiled programs, on small texts of the forms in which compilers write them."""

import pytest

from benchmarks.aot.costs import compare_and_swaps, kernel_seconds, step_costs
from benchmarks.aot.hlo import arrays_of, bits_of, parse
from benchmarks.aot.targets import TARGETS, Target
from benchmarks.aot.traffic import bytes_of

GPU = """HloModule jit_train, is_scheduled=true

%taken (p0: f32[100,8], p1: s32[4,1]) -> f32[4,8] {
  %p0 = f32[100,8]{1,0} parameter(0)
  %p1 = s32[4,1]{1,0} parameter(1)
  ROOT %gather.1 = f32[4,8]{1,0} gather(%p0, %p1), offset_dims={1}, slice_sizes={1,8}
}

%product (p0.1: f32[2,4,8], p1.1: f32[2,8,16]) -> f32[2,4,16] {
  %p0.1 = f32[2,4,8]{2,1,0} parameter(0)
  %p1.1 = f32[2,8,16]{2,1,0} parameter(1)
  ROOT %dot.1 = f32[2,4,16]{2,1,0} dot(%p0.1, %p1.1), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, rhs_contracting_dims={1}, operand_precision={highest,highest}
}

%put (p0.2: f32[64,8], p1.2: f32[1,8], p2.2: s32[]) -> f32[64,8] {
  %p0.2 = f32[64,8]{1,0} parameter(0)
  %p1.2 = f32[1,8]{1,0} parameter(1)
  %p2.2 = s32[] parameter(2)
  ROOT %update.1 = f32[64,8]{1,0} dynamic-update-slice(%p0.2, %p1.2, %p2.2, %p2.2)
}

%inner (c: (s32[], f32[4,8])) -> (s32[], f32[4,8]) {
  %c = (s32[], f32[4,8]{1,0}) parameter(0)
  %n = s32[] get-tuple-element(%c), index=0
  %v = f32[4,8]{1,0} get-tuple-element(%c), index=1
  %copy.1 = f32[4,8]{0,1} copy(%v)
  ROOT %t = (s32[], f32[4,8]{1,0}) tuple(%n, %v)
}

%condition (c.1: (s32[], f32[4,8])) -> pred[] {
  %c.1 = (s32[], f32[4,8]{1,0}) parameter(0)
  ROOT %less = pred[] constant(true)
}

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %both.1 = f32[] add(%x, %y)
}

%second (x.1: f32[], y.1: f32[]) -> f32[] {
  %x.1 = f32[] parameter(0)
  ROOT %y.1 = f32[] parameter(1)
}

%body (s: (s32[], /*index=1*/f32[4,8])) -> (s32[], f32[4,8]) {
  %s = (s32[], f32[4,8]{1,0}) parameter(0)
  %table = f32[100,8]{1,0} constant({...})
  %index = s32[4,1]{1,0} constant({...})
  %rows = f32[4,8]{1,0} fusion(%table, %index), kind=kLoop, calls=%taken
  %lhs = f32[2,4,8]{2,1,0} constant({...})
  %rhs = f32[2,8,16]{2,1,0} constant({...})
  %both = f32[2,4,16]{2,1,0} fusion(%lhs, %rhs), kind=kCustom, calls=%product
  %fast = f32[2,4,16]{2,1,0} dot(%lhs, %rhs), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, rhs_contracting_dims={1}
  %zero = s32[] constant(0)
  %start = (s32[], f32[4,8]{1,0}) tuple(%zero, %rows)
  %loop = (s32[], f32[4,8]{1,0}) while(%start), condition=%condition, body=%inner, backend_config={"known_trip_count":{"n":"22"}}
  %wide = f64[4]{0} sort(%rows), dimensions={0}
  %sum = f32[4,8]{1,0} scatter(%rows, %index, %rows), to_apply=%add
  %written = f32[4,8]{1,0} scatter(%sum, %index, %rows), to_apply=%second
  ROOT %next = (s32[], f32[4,8]{1,0}) tuple(%zero, %sum)
}

ENTRY %main (steps: s32[]) -> (s32[], f32[4,8]) {
  %steps = s32[] parameter(0)
  %began = (s32[], f32[4,8]{1,0}) tuple(%steps)
  ROOT %while = (s32[], f32[4,8]{1,0}) while(%began), condition=%condition, body=%body
}
"""  # noqa: E501

TPU = """HloModule jit_step

%moved (q: f32[8,300]) -> f32[8,300] {
  %q = f32[8,300]{1,0:T(8,128)} parameter(0)
  ROOT %transpose.1 = f32[8,300]{0,1:T(8,128)} transpose(%q), dimensions={0,1}
}

ENTRY %main (a: bf16[8,96,64], b: bf16[8,64,32], h: f32[8,300]) -> f32[8,96,32] {
  %a = bf16[8,96,64]{2,1,0:T(8,128)(2,1)} parameter(0)
  %b = bf16[8,64,32]{2,1,0:T(8,128)(2,1)} parameter(1)
  %h = f32[8,300]{1,0:T(8,128)} parameter(2)
  %early = (f32[8,300]{1,0:T(8,128)S(1)}, f32[8,300]{1,0:T(8,128)}, u32[]) copy-start(%h)
  %there = f32[8,300]{1,0:T(8,128)S(1)} copy-done(%early)
  %turned = f32[8,300]{0,1:T(8,128)} fusion(%there), kind=kLoop, calls=%moved, backend_config={"estimated_cycles":"300"}
  ROOT %conv = f32[8,96,32]{2,1,0:T(8,128)} convolution(%a, %b), window={size=8 stride=7 pad=0_0 lhs_dilate=8}, dim_labels=0bf_0io->0bf, backend_config={"estimated_cycles":"1200"}
}
"""  # noqa: E501

PTX = """
	atom.relaxed.sys.global.cas.b32 	%r4, [%rd3], %r20, %r19;
	@%p1 atom.global.cas.b32 %r1, [%rd1], %r2, %r3;
	atom.global.add.f32 	%f1, [%rd1], %f2;
	// cas
"""


def test_shapes_have_bytes_and_the_padding_of_their_layout():
    (array,) = arrays_of("f32[8,300]{1,0:T(8,128)}")
    assert (array.bytes, array.padded_bytes) == (8 * 300 * 4, 8 * 384 * 4)
    (narrow,) = arrays_of("u8[1000,9]{1,0:T(8,128)(4,1)S(1)}")
    assert (narrow.bytes, narrow.padded_bytes) == (9000, 128_000)
    one, other = arrays_of("(s32[], /*index=1*/bf16[3,5]{0,1})")
    assert (one.bytes, other.bytes, other.padded_bytes) == (4, 30, 30)
    assert [bits_of(kind) for kind in ("pred", "u8", "bf16", "f8e4m3fn", "s4", "c64")] == [8, 8, 16, 8, 4, 64]


def test_a_step_is_the_body_of_the_loop_over_steps():
    module = parse(GPU)
    assert module.step() == "body"
    assert [(one.kernel.name, one.times) for one in module.launches("body")] == [
        ("rows", 1),
        ("both", 1),
        ("fast", 1),
        ("copy.1", 22),
        ("wide", 1),
        ("sum", 1),
        ("written", 1),
    ]
    assert parse(TPU).step() == "main", "a program without loops is one step"


def test_kernels_read_what_they_take_and_write_what_they_change():
    module = parse(GPU)
    body = module.computations["body"]
    assert bytes_of(module, body["rows"], body) == 2 * 4 * 8 * 4 + 4 * 4, "rows of the table, and where they are"
    assert bytes_of(module, body["both"], body) == 4 * (64 + 256 + 128)
    puts = """ENTRY %main (a: f32[64,8], b: f32[1,8], c: s32[]) -> f32[64,8] {
  %a = f32[64,8]{1,0} parameter(0)
  %b = f32[1,8]{1,0} parameter(1)
  %c = s32[] parameter(2)
  ROOT %f = f32[64,8]{1,0} fusion(%a, %b, %c), kind=kLoop, calls=%put
}
"""
    module = parse(GPU.partition("ENTRY")[0] + puts)
    main = module.computations["main"]
    assert bytes_of(module, main["f"], main) == 2 * 8 * 4 + 4, "an update in place"


def test_costs_of_a_step_on_a_gpu():
    target = Target("one", "cuda", 10**9, 1e9, {"float32": 1e9, "tf32": 2e9, "bfloat16": 4e9}, launch=1e-6)
    costs = step_costs(parse(GPU), target, "tf32")
    assert costs.kernels == 1 + 1 + 1 + 22 + 1 + 1 + 1
    assert costs.looped == 22
    assert costs.counts == {"gather": 1, "scatter": 2, "sort": 1, "copy": 22, "transpose": 0, "while": 1}
    assert (costs.float_scatters, costs.doubles) == (1, 1), "to write values is not to add them"
    operations = 2 * 2 * 4 * 16 * 8
    assert costs.products == {"float32": operations, "tf32": operations}
    assert costs.product_seconds == pytest.approx(operations / 1e9 + operations / 2e9)
    assert costs.copy_seconds == pytest.approx(22 * (2 * 128 / 1e9 + 1e-6))
    assert costs.padding == 0


def test_costs_of_a_step_on_a_tpu():
    costs = step_costs(parse(TPU), TARGETS["v5e"], "tf32")
    assert costs.kernels == 2, "transfers into fast memory are made meanwhile"
    assert costs.products == {"bfloat16": 2 * 8 * 96 * 32 * 64}
    assert costs.seconds == pytest.approx(1500 / TARGETS["v5e"].clock)
    assert costs.copy_seconds == pytest.approx(300 / TARGETS["v5e"].clock)
    padded, plain = 4 * (304 * 128 + 8 * 96 * 128), 4 * (8 * 300 + 8 * 96 * 32)
    assert costs.padding == pytest.approx(padded / plain - 1)


def test_a_kernel_takes_the_longer_of_its_times():
    target = Target("one", "cuda", 10**9, 100.0, {"float32": 10.0}, launch=0.5)
    assert kernel_seconds(target, 1000, {"float32": 20.0}, 0) == 10.5
    assert kernel_seconds(target, 1000, {"float32": 200.0}, 0) == 20.5


def test_compare_and_swaps_are_found_and_atomic_additions_are_not():
    assert compare_and_swaps(PTX) == 2


def test_the_peaks_are_ordered():
    assert all(one.products["float32"] < one.products["bfloat16"] for one in TARGETS.values())
