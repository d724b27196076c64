"""student: a share of the channels and of the blocks stays, solved for the outputs of before, and distill trains it from there."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from passes.layer_models import error, rows

import lightweight_cli
from lightweight_cli.errors import UsageError
from lightweight_cli.model.load import load
from lightweight_cli.pipeline.recipe import make
from lightweight_cli.pipeline.run import run_steps

NET = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,24] x) => (float[N,8] y)
    <float[24,32] A, float[32,48] B0, float[48,32] C0, float[32,48] B1, float[48,32] C1, float[32,8] Z> {
    s = MatMul (x, A)  a = MatMul (s, B0)  b = Relu (a)  c = MatMul (b, C0)  t = Add (s, c)
    d = MatMul (t, B1)  e = Relu (d)  f = MatMul (e, C1)  u = Add (t, f)  r = Relu (u)  y = MatMul (r, Z) }"""


@pytest.fixture
def net(save, parse) -> tuple[onnx.ModelProto, str]:
    model = parse(NET)
    return model, save(model, "teacher.onnx")


def sizes(path) -> dict[str, list[int]]:
    return {t.name: list(t.dims) for t in onnx.load(path).graph.initializer}


def test_blocks_leave_first_then_channels_and_distill_goes_on_from_there(net, tmp_path):
    model, source = net
    feed, fresh = rows(model, 300, 0), rows(model, 64, 7)
    both, more = "student:width=0.75,depth=0.5", "distill:steps=60,learning_rate=0.003"
    results = [lightweight_cli.run(source, steps, calibrate=[feed]) for steps in ([both], [both, more])]
    paths = [str(tmp_path / f"{n}.onnx") for n in range(2)]
    for result, path in zip(results, paths, strict=True):
        result.save(path, check=False)
    left = sizes(paths[0])
    assert len(left) == 4 and left["A"] == [24, 24] and sorted(d for n, d in left.items() if n[0] in "BC") == [[24, 36], [36, 24]]
    (report,) = results[0].steps
    assert {w.stored_as for w in report.weights if w.name not in left} == {"left out"}
    assert len({w.name for w in report.weights}) == len(report.weights) and "1 of 2 residual blocks left out" in report.notes
    assert sizes(paths[1]) == left and error(source, paths[1], fresh) < 0.95 * error(source, paths[0], fresh)


def test_width_is_what_channels_takes_away(net, tmp_path):
    model, source = net
    feed = rows(model, 200, 0)
    for name, step in (("a", "student:width=0.75"), ("b", "prune-channels:channels=0.25")):
        lightweight_cli.run(source, [step], calibrate=[feed]).save(tmp_path / name, check=False)
    a, b = (onnx.load(tmp_path / name).graph for name in "ab")
    assert a == b


def test_what_was_chosen_may_leave_whole(net):
    model, source = net
    done = lightweight_cli.run(source, ["student:width=0.5,depth=0.5,only=B0,only=C0"], calibrate=[rows(model, 60, 0)])
    assert {w.name for w in done.steps[0].weights} == {"B0", "C0"} and done.steps[0].notes[-1].startswith("no channels go")


def test_what_can_not_be_is_refused_before_any_work(net):
    _, source = net
    for options, message in (({}, "student: give --width, --depth or both"), ({"depth": 0.5}, "student: --depth 0.5 is measured")):
        with pytest.raises(UsageError, match=message):
            run_steps(load(source), [make("student", options)])
    with pytest.raises(UsageError, match="--width"):
        make("student", {"width": 1.5})
    same = lightweight_cli.run(source, ["student:width=1,depth=1"], calibrate=[{"x": np.zeros((8, 24), np.float32)}])
    assert not same.steps[0].changed
