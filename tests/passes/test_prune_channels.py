"""prune-channels: how many channels go, which, and what stays and says why."""

from __future__ import annotations

import os

import numpy as np
import onnx
import pytest

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.data.portion import Portion
from lightweight_cli.errors import GateError, UsageError
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.passes.prune_channels import timing
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.runtime.latency import Latency, Pace

NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3,8,8] x) => (float[N,10] y)
<float[16,3,3,3] A, float[16] a, float[24,16,3,3] B, float[24] b, float[24,24,1,1] C, float[10,24] G, float[10] g0>
{
  c1 = Conv (x, A, a)  r1 = Relu (c1)  c2 = Conv (r1, B, b)  r2 = Relu (c2)  c3 = Conv (r2, C)  s = Add (r2, c3)
  p = GlobalAveragePool (s)  f = Flatten (p)  y = Gemm <transB = 1> (f, G, g0)
}
"""


def shapes(done: object) -> dict[str, list[int]]:
    return {t.name: list(t.dims) for t in done.proto.graph.initializer}  # type: ignore[attr-defined]


def test_channels_are_a_share_of_each_group(apply, save):
    done = apply(save(NET), "prune-channels:channels=0.5")
    assert shapes(done) == {"A": [8, 3, 3, 3], "a": [8], "B": [12, 8, 3, 3], "b": [12], "C": [12, 12, 1, 1], "G": [10, 12], "g0": [10]}
    assert done.report.changed == 8 + 12 + 12, "those that B and C add up go together"
    assert done.report.notes == ["parameters 4,754 -> 1,374 (-71%); MACs 80,304 -> 24,024 (-70%)"]
    assert {w.name: w.stored_as for w in done.report.weights} == {
        "A": "8 of 16 outputs", "B": "12 of 24 outputs", "C": "12 of 24 outputs", "G": "fewer inputs"}


def test_the_smallest_filters_go(apply, save, parse):
    proto = parse(NET)
    path = save(proto)
    whole = next(onnx.numpy_helper.to_array(t) for t in proto.graph.initializer if t.name == "A")
    done = apply(path, "prune-channels:channels=0.5,only=A")
    stay = np.sort(np.argsort(np.abs(whole).sum((1, 2, 3)))[8:])
    assert np.array_equal(done.value("A"), whole[stay])
    assert shapes(done)["B"] == [24, 8, 3, 3] and shapes(done)["C"] == [24, 24, 1, 1]
    assert done.left["C"] == "its channels stay: not selected (--only A)"


def test_what_is_excluded_keeps_its_outputs(apply, save):
    done = apply(save(NET), "prune-channels:channels=0.5,exclude=C")
    assert shapes(done)["C"] == [24, 24, 1, 1] and shapes(done)["A"] == [8, 3, 3, 3]


def test_groups_that_need_not_lose_a_unit_keep_it(apply, save):
    """A unit of each of three groups is 34 % of the parameters; the least important two are enough for 15 %."""
    source = save("""<ir_version: 8, opset_import: ["" : 17]> g (float[N,4] x) => (float[N,4] y)
    <float[4,4] A, float[4,4] B, float[4,4] C, float[4,4] D>
    { a = MatMul (x, A) b = Relu (a) c = MatMul (b, B) d = Relu (c) e = MatMul (d, C) f = Relu (e) y = MatMul (f, D) }""")
    done = apply(source, "prune-channels:ratio=0.15")
    left = shapes(done)
    assert sum(left[name][1] == 3 for name in "ABC") == 2
    gone = 64 - sum(int(np.prod(dims)) for dims in left.values())
    assert 0.15 * 64 <= gone < 0.15 * 64 + 7


@pytest.mark.parametrize(("what", "share"), [("ratio", 0.3), ("ratio", 0.6), ("macs", 0.4)])
@pytest.mark.parametrize("scope", ["group", "global"])
def test_what_is_asked_for_is_reached_and_hardly_more(apply, save, what, share, scope):
    source = save(NET)
    done = apply(source, f"prune-channels:{what}={share},scope={scope}")
    before, after = ((sum(int(np.prod(t.dims)) for t in onnx.load(p).graph.initializer) if what == "ratio" else macs(p))
                     for p in (source, done.path))
    assert share <= 1 - after / before < share + 0.08


def macs(path: str) -> int:
    from lightweight_cli.inspect.document import report_dict

    return report_dict(path, deep=True)["macs"]["total"]


def test_kept_channels_are_multiples(apply, save):
    done = apply(save(NET), "prune-channels:channels=0.4,round-to=8")
    assert shapes(done)["A"][0] == 8 and shapes(done)["B"][0] == 16


def test_one_of_each_group_stays(apply, save):
    assert shapes(apply(save(NET), "prune-channels:channels=1"))["B"] == [1, 1, 3, 3]


class Fake:
    """Times models by their parameters."""

    def __init__(self, path: str, check: object) -> None:
        self.size = os.path.getsize(path)

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *_: object) -> None: ...

    def judge(self, path: str) -> Accuracy:
        pace = Pace(os.path.getsize(path) / self.size, 0, 0, 1, 1)
        return Accuracy(True, 1, 1, (), latency=Latency(pace, pace, 9, 1, 1))


@pytest.mark.parametrize("speedup", [1.5, 2.5])
def test_the_fewest_go_that_make_it_so_fast(speedup, save, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "Bench", Fake)
    source = save(NET)
    model = load(source)
    (report,) = run_steps(model, [Step("prune-channels", {"speedup": speedup, "round_to": 1, "no_recover": True})], None, Portion(()))
    fast = write_into(model, str(tmp_path), "fast")
    reached = os.path.getsize(source) / os.path.getsize(fast)
    assert speedup <= reached < speedup * 1.15
    words = next(n for n in report.notes if "as fast" in n)
    again = load(source)
    run_steps(again, [Step("prune-channels", {"channels": float(words.split("--channels ")[1]), "no_recover": True})], None, Portion(()))
    assert onnx.load(write_into(again, str(tmp_path), "again")).graph == onnx.load(fast).graph, "what the report says gives the same again"


def test_a_speedup_that_is_not_reached_or_not_measured(save, monkeypatch):
    monkeypatch.setattr(timing, "Bench", Fake)
    with pytest.raises(GateError, match=r"--speedup 900 can't be reached: without all channels that can go the model is \d"):
        run_steps(load(save(NET)), [Step("prune-channels", {"speedup": 900.0})], None, Portion(()))
    with pytest.raises(UsageError, match="--no-check keeps the model from being run: give --macs"):
        run_steps(load(save(NET)), [Step("prune-channels", {"speedup": 2.0})], None, None)


@pytest.mark.parametrize("options", ["", ":ratio=0.5,macs=0.5", ":ratio=0.5,speedup=2", ":ratio=0.5,channels=0.5"])
def test_one_measure_is_given(apply, save, options):
    with pytest.raises(UsageError, match="give exactly one of --ratio, --macs, --channels, --speedup and --depth"):
        apply(save(NET), f"prune-channels{options}")


STAYS = {
    "its channels stay: it is an output of the model": "y = MatMul (x, W)",
    "its channels stay: a graph within uses it": """h = MatMul (x, W)  c = Constant <value = bool {1}> ()
        y = If (c) <then_branch = t () => (float[N,8] p) { p = Identity (h) }, else_branch = e () => (float[N,8] q) { q = Relu (h) }>""",
    "its channels stay: no rule is known for CumSum":
        "h = MatMul (x, W)  i = Constant <value = int64 {1}> ()  s = CumSum (h, i)  y = MatMul (s, V)",
    "its channels stay: Softmax works over all of them": "h = MatMul (x, W)  s = Softmax (h)  y = MatMul (s, V)",
    "its channels stay: BatchNormalization: it gives more than its result": """h = MatMul (x, W)
        n, m, v = BatchNormalization <training_mode = 1> (h, a, a, a, a)  r = Add (n, m)  y = MatMul (r, V)""",
    "its channels stay: FastGelu: it reads more than single numbers beside":
        "h = MatMul (x, W)  s = com.microsoft.FastGelu (h, a)  y = MatMul (s, V)",
    "its channels stay: its size is computed with": """h = MatMul (x, W)  n = Shape <start = 1> (h)  f = Cast <to = 1> (n)  d = Div (h, f)
        y = MatMul (d, V)""",
}


@pytest.mark.parametrize("reason", STAYS)
def test_what_is_not_shown_to_be_safe_stays_and_says_why(apply, save, reason):
    weights = "float[8,8] W" + ", float[8,8] V" * ("V)" in STAYS[reason]) + ", float[8] a" * ("a)" in STAYS[reason])
    head = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>'
    text = f"{head} g (float[N,8] x) => (float[N,8] y) <{weights}> {{ {STAYS[reason]} }}"
    done = apply(save(text), "prune-channels:channels=0.5")
    assert done.report.changed == 0 and done.left["W"] == reason


def test_a_tied_weight_ties_what_it_makes(apply, save):
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,8] x) => (float[N,8] y) <float[8,8] W, float[8,8] V>
              { a = MatMul (x, W)  b = Relu (a)  c = MatMul (b, V)  d = Relu (c)  e = MatMul (d, V)  y = Add (e, x) }"""
    done = apply(save(text), "prune-channels:channels=0.5")
    assert done.left["V"] == "its channels stay: it is an input of the model" and done.report.changed == 0


def test_weights_behind_dequantize_linear_shrink_as_they_are_stored(apply, save):
    codes, zeros = ",".join(str(i % 50 - 25) for i in range(128)), ",".join("0" * 16)
    text = f"""<ir_version: 8, opset_import: ["" : 17]> g (float[N,8] x) => (float[N,4] y)
              <int8[8,16] q = {{{codes}}}, float[16] s, int8[16] z = {{{zeros}}}, float[16,4] V>
              {{ W = DequantizeLinear <axis = 1> (q, s, z)  h = MatMul (x, W)  r = Relu (h)  y = MatMul (r, V) }}"""
    done = apply(save(text), "prune-channels:channels=0.5")
    assert shapes(done) == {"q": [8, 8], "s": [8], "z": [8], "V": [8, 4]}


def test_old_models_list_initializers_as_inputs(apply, save):
    text = NET.replace("ir_version: 8", "ir_version: 3").replace('"" : 17', '"" : 8')
    assert shapes(apply(save(text), "prune-channels:channels=0.5"))["A"] == [8, 3, 3, 3]


def test_weights_behind_a_cast_count(apply, save):
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,8] x) => (float[N,4] y) <float16[8,16] h, float[16,4] V>
              { W = Cast <to = 1> (h)  a = MatMul (x, W)  y = MatMul (a, V) }"""
    done = apply(save(text), "prune-channels:channels=0.5")
    assert shapes(done) == {"h": [8, 8], "V": [8, 4]} and done.report.changed == 8


@pytest.mark.parametrize("odd", [np.nan, np.inf, 3e38])
def test_odd_weights_have_an_importance_too(apply, save, parse, odd):
    proto = parse(NET)
    values = onnx.numpy_helper.to_array(proto.graph.initializer[0]).copy()
    values[:2] = odd
    proto.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(values, proto.graph.initializer[0].name))
    assert apply(save(proto), "prune-channels:channels=0.5").report.changed == 32


def test_axes_that_are_nobody_elses_are_counted_too(apply, save):
    done = apply(save("""
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[1,1,4,8] x) => (float[1,1,4,5] y) <float[1,1,8,6] A, float[1,1,6,5] B> { h = MatMul (x, A)  y = MatMul (h, B) }
    """), "prune-channels:channels=0.5")
    assert shapes(done) == {"A": [1, 1, 8, 3], "B": [1, 1, 3, 5]}
    assert done.report.notes == ["parameters 78 -> 39 (-50%); MACs 312 -> 156 (-50%)"]
