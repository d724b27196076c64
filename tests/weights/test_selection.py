"""--only and --exclude: which weights a pass may touch, by tensor, node and operator."""

from __future__ import annotations

import onnx
import pytest

from lightweight_cli.errors import UsageError
from lightweight_cli.pipeline import recipe, registry

TWO = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[N,64] x, bool c) => (float[N,64] y) <float[64,64] first, float[64,64] second, float[64,64] tied>
{
  [one] a = MatMul (x, first)
  [two] b = Gemm (a, second)
  d = MatMul (b, tied)
  y = If (c) <then_branch = t () => (float[N,64] p) <float[64,64] inner> { [within] p = MatMul (d, inner) },
              else_branch = e () => (float[N,64] q) { q = MatMul (d, tied) }>
}
"""
ALL = {"first", "second", "tied", "inner"}
CASES = {
    "only=first": {"first"}, "only=*": ALL, "exclude=first": ALL - {"first"}, "only=two": {"second"}, "only=op:Gemm": {"second"},
    "exclude=op:MatMul": {"second"}, "only=first,only=inner": {"first", "inner"}, "exclude=tied,exclude=o*": {"second", "inner"},
    "only=*ed,exclude=op:Gemm": {"tied"}, "only=with*": {"inner"}, "only=op:*,exclude=t*": {"first", "inner"},
}
SELECTING = [p.name for p in registry.all_passes() if p.selects and p.name not in ("prune-channels", "student") and not p.trains]
"""Without the two of them, where what reads a weight shrinks with it, and without what needs data."""
STEP = {"prune": "prune:sparsity=0.9"}


def touched(report: object) -> set[str]:
    return {w.name for w in report.weights}  # type: ignore[attr-defined]


@pytest.mark.parametrize("options", CASES)
def test_what_is_selected_is_changed_and_the_rest_says_why(apply, save, options):
    done = apply(save(TWO), f"quantize:keep=0,{options}")
    (report,) = done.reports
    assert touched(report) == CASES[options]
    reasons = {w.name: w.reason for w in report.left}
    assert set(reasons) == ALL - CASES[options]
    assert all(r.startswith(("excluded (--exclude ", "not selected (--only ")) for r in reasons.values())


@pytest.mark.parametrize("name", SELECTING)
def test_every_pass_that_selects_leaves_what_is_excluded(apply, save, name):
    source = save(TWO)
    if name in ("pack", "unpack"):
        source = apply(source, "quantize:bits=4,keep=0").path if name == "unpack" else apply(source, "half", "unpack").path
    join = STEP.get(name, name) + ("," if name in STEP else ":")
    (report,) = apply(source, join + "exclude=first").reports
    assert touched(report) == ALL - {"first"}
    assert ("first", "excluded (--exclude first)") in [(w.name, w.reason) for w in report.left]


def test_excluded_weights_stay_bit_for_bit(apply, save):
    source = save(TWO)
    result = apply(source, "prune:sparsity=0.9,exclude=tied").path
    before, after = ({t.name: t.raw_data for t in onnx.load(p).graph.initializer} for p in (source, result))
    assert before["tied"] == after["tied"] and before["first"] != after.get("first")


@pytest.mark.parametrize(("pattern", "said"), [
    ("firts", "--only firts: matches no weight; close to it: first"),
    ("op:Conv", "--only op:Conv: matches no weight; operators with weights are Gemm, MatMul"),
    ("zzz", "--only zzz: matches no weight; close to it: first, one, second"),
    ("\x1b[0m", "--only \\x1b[0m: matches no weight"),
])
def test_a_pattern_that_matches_nothing_is_an_error_with_what_comes_close(apply, save, pattern, said):
    with pytest.raises(UsageError) as caught:
        apply(save(TWO), f"quantize:only={pattern}")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_step_with_patterns_prints_back_and_parses_again():
    step = recipe.parse("quantize:bits=4,exclude=a*,exclude=op:Gemm,only=b")
    assert str(step) == "quantize:bits=4,only=b,exclude=a*,exclude=op:Gemm" and recipe.parse(str(step)) == step
    assert str(recipe.make("quantize", {"exclude": ["a,b"]})) == "quantize:exclude=a?b"
    assert recipe.make("prune", {"exclude": "a"}).options == {"exclude": ("a",)}


@pytest.mark.parametrize("value", [3, [1], "", [""]])
def test_a_pattern_is_text(value):
    with pytest.raises(UsageError, match="must be text, or a list of it"):
        recipe.make("quantize", {"exclude": value})


def test_the_command_takes_several(lwc, save):
    save(TWO)
    done = lwc("quantize", "model.onnx", "--exclude", "first", "--exclude=op:Gemm", "-o", "out.onnx", "--no-check")
    assert done.returncode == 0 and b"excluded (--exclude first)" in done.stderr and b"excluded (--exclude op:Gemm)" in done.stderr
    done = lwc("quantize", "model.onnx", "--exclude", "nothing", "-o", "no.onnx")
    assert done.returncode == 2 and done.stderr.startswith(b"lwc: error: --exclude nothing: matches no weight")
