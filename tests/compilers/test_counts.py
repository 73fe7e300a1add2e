"""What is counted in a compiled program, by hand."""

import pytest

from gan.compilers import counts, hlo, programs, targets

CONDITION = """
%less (c: (s32[], f32[4])) -> pred[] {
  %c = (s32[], f32[4]{0}) parameter(0)
  %i = s32[] get-tuple-element(%c), index=0
  %n = s32[] constant(5)
  ROOT %lt = pred[] compare(%i, %n), direction=LT
}
"""

PROGRAM = """HloModule jit_play, is_scheduled=true

FileNames
1 "ROOT/gan/training/adversarial.py"
2 "/somewhere/optax/adam.py"

FunctionNames
1 "play_round"

FileLocations
1 {file_name_id=1 function_name_id=1 line=258 end_line=260 column=25 end_column=5}
2 {file_name_id=2 function_name_id=1 line=7 end_line=7 column=1 end_column=5}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=2 parent_frame_id=2}

%fused (p0: f32[1000,8], p1: s32[4]) -> f32[4,8] {
  %p0 = f32[1000,8]{1,0} parameter(0)
  %p1 = s32[4]{0} parameter(1)
  ROOT %g = f32[4,8]{1,0} gather(%p0, %p1), offset_dims={1}, slice_sizes={1,8}
}

%inplace (q0: f32[100,8], q1: f32[1,8], q2: s32[]) -> f32[100,8] {
  %q0 = f32[100,8]{1,0} parameter(0)
  %q1 = f32[1,8]{1,0} parameter(1)
  %q2 = s32[] parameter(2)
  ROOT %u = f32[100,8]{1,0} dynamic-update-slice(%q0, %q1, %q2, %q2)
}
CONDITION
%inner (a: (s32[], f32[4])) -> (s32[], f32[4]) {
  %a = (s32[], f32[4]{0}) parameter(0)
  %x = f32[4,8]{1,0} constant({...})
  %y = f32[8,2]{1,0} constant({...})
  %k = s32[] get-tuple-element(%a), index=0
  %d = f32[4,2]{1,0} dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0}, OPTIONS
  ROOT %t = (s32[], f32[4]{0}) tuple(%k, %k)
}

%body (b: (s32[], f32[4])) -> (s32[], f32[4]) {
  %b = (s32[], f32[4]{0}) parameter(0)
  %big = f32[1000,8]{1,0} constant({...})
  %rows = s32[4]{0} constant({...})
  %f = f32[4,8]{1,0} fusion(%big, %rows), kind=kLoop, calls=%fused
  %h = f32[100,8]{1,0} constant({...})
  %one = f32[1,8]{1,0} constant({...})
  %zero = s32[] constant(0)
  %w = f32[100,8]{1,0} fusion(%h, %one, %zero), kind=kLoop, calls=%inplace
  %image = bf16[2,4,4,3]{3,2,1,0} constant({...})
  %kernel = bf16[3,3,3,5]{3,2,1,0} constant({...})
  %conv = bf16[2,4,4,5]{3,2,1,0} convolution(%image, %kernel), WINDOW
  %r = f32[10]{0} constant({...})
  %s = f32[10]{0} all-reduce(%r), to_apply=%fused
  %p = f32[3,5]{1,0:T(8,128)} constant({...})
  %n = f32[3,5]{1,0:T(8,128)S(1)} copy(%p)
  %loop = (s32[], f32[4]{0}) while(%b), condition=%less, body=%inner
  ROOT %o = (s32[], f32[4]{0}) tuple(%loop)
}

ENTRY %main (m: (s32[], f32[4])) -> (s32[], f32[4]) {
  %m = (s32[], f32[4]{0}) parameter(0)
  %before = f32[999]{0} constant({...})
  %double = f32[999]{0} add(%before, %before)
  ROOT %rounds = (s32[], f32[4]{0}) while(%m), condition=%less, body=%body
}
""".replace("CONDITION", CONDITION).replace(
    "WINDOW", "window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f"
)


def program(options="metadata={stack_frame_id=2}"):
    return PROGRAM.replace("ROOT/", f"{hlo.ROOT}/").replace("OPTIONS", options)


def found(options="metadata={stack_frame_id=2}"):
    return counts.count(hlo.parse(program(options)))


def test_products_count_what_a_window_meets_and_loops_as_often_as_they_turn():
    # Along a side of 4 with a kernel of 3, 4 + 3 + 3 pairs are inside.
    convolved = 2 * 2 * 5 * 3 * 10 * 10
    assert found().flops == {"bf16": convolved, "f32": 5 * 2 * 4 * 2 * 8}
    highest = found("operand_precision={highest,highest}").flops
    assert highest == {"bf16": convolved, "f32 highest": 5 * 2 * 4 * 2 * 8}


def test_memory_counts_slices_and_tiles():
    by_operation = {c.operation.split()[0] + str(c.times): c for c in found().costliest}
    dot = by_operation["dot5"]
    assert dot.bytes == 5 * 4 * (4 * 8 + 8 * 2 + 4 * 2)
    assert dot.source == "gan/training/adversarial.py:258"  # the innermost line of ours
    moved = sorted(c.bytes for c in found().costliest if c.times == 1)
    gathered = 4 * 4 + 2 * 4 * 4 * 8
    in_place = 2 * 4 * 8 + 4
    convolution = 2 * (2 * 4 * 4 * 3 + 3 * 3 * 3 * 5 + 2 * 4 * 4 * 5)
    to_vector_memory = 4 * 8 * 128
    exchanged = 2 * 4 * 10
    assert moved == sorted([gathered, in_place, convolution, to_vector_memory, exchanged])


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("copy-start(%a)", 64 * 4),
        ("slice-start(%a), slice={[0:4]}", 4 * 4),  # what it cuts, not what it cuts from
        ("slice-start(%b), slice={[0:4]}", 4 * 4 * 0),
    ],
)
def test_a_copy_to_vector_memory_moves_what_arrives(operation, expected):
    given, size = operation[operation.index("%") + 1], 64 if "copy" in operation else 4
    lie = {"a": "f32[64]{0}", "b": "f32[64]{0:S(1)}"}
    made = f"f32[{size}]{{0:S(1)}}"
    both = f"({made}, {lie[given]}, u32[])" if size == 64 else f"(({lie[given]}), {made}, u32[])"
    first = f"  %a = {lie['a']} constant({{...}})\n  %b = {lie['b']} copy(%a)\n"
    text = f"HloModule m\n\n%body (x: u32[]) -> u32[] {{\n{first}  %s = {both} {operation}\n}}\n"
    module = hlo.parse(text + "\nENTRY %e (x: u32[]) -> u32[] {\n}\n")
    assert counts._moved(module, "body", module.computations["body"]["s"]) == expected


def test_exchanges_and_operations_are_those_of_a_round():
    assert (found().exchanges, found().exchanged) == (1, 40)
    assert found().operations == 5 + 5  # not what the entry does once
    assert found().cycles is None


def test_estimated_cycles_are_added_and_rank_the_operations():
    options = 'backend_config={"window_config":{"estimated_cycles":"120"}}'
    assert found(options).cycles == 5 * 120
    assert found(options).costliest[0].operation.startswith("dot")
    assert found(options).costliest[0].cycles == 5 * 120


@pytest.mark.parametrize(
    ("window", "n", "k", "m", "expected"),
    [
        ("size=4 stride=2 pad=1_1", 8, 4, 4, 14),
        ("size=4 pad=2_2 lhs_dilate=2", 4, 4, 8, 14),  # its adjoint meets as often
        ("size=4 pad=1_1 rhs_dilate=2", 8, 4, 4, 14),  # and so does the kernel's gradient
        ("size=6 stride=5 lhs_dilate=6", 6, 6, 6, 6),  # a batch, as the TPU's compiler has it
    ],
)
def test_windows(window, n, k, m, expected):
    shape = {"image": (1, n, 1), "kernel": (k, 1, 1), "output": (1, m, 1)}
    arrays = [hlo.Array("f32", sides) for sides in shape.values()]
    text = f"window={{{window}}}, dim_labels=b0f_0io->b0f"
    assert counts._convolved(*arrays, text) == 2 * expected


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="no HLO module"):
        hlo.parse("nothing")
    endless = program().replace("direction=LT", "direction=NE")
    with pytest.raises(ValueError, match="length of the loop"):
        counts.count(hlo.parse(endless))
    with pytest.raises(ValueError, match="0 loops of rounds"):
        hlo.parse(program().replace(" while(%m)", " add(%m)")).round()
    unknown = program().replace(
        " dot(%x, %y)", ' custom-call(%x, %y), custom_call_target="__cublas$lt"'
    )
    with pytest.raises((ValueError, TypeError)):
        counts.count(hlo.parse(unknown))


def test_a_roofline_is_the_largest_of_its_bounds():
    machine = targets.KINDS["h100"]
    made = counts.Counts(4, {"bf16": 989e12, "f32 highest": 66.9e12}, 6700e9, 1, 9e9, None, [])
    lines = programs.roofline(made, targets.parse("h100:8"))
    assert lines["products"] == pytest.approx(2) and lines["memory"] == pytest.approx(2)
    assert lines["links"] == pytest.approx(2 * 7 / 8 * 9e9 / 450e9)
    assert lines["launches"] == pytest.approx(4 * machine.launch)
    assert programs.roofline(made, targets.parse("h100"))["links"] == 0
