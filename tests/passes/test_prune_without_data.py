"""prune without data: what stays is recovered on synthetic inputs, where inputs of another kind say that it is better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from passes.layer_models import output
from passes.test_quantize_without_data import NET, ratio
from passes.test_quantize_without_data import saved as made

from lightweight_cli.calibration import guard
from lightweight_cli.calibration.trial import Score
from lightweight_cli.data.portion import Portion
from lightweight_cli.data.synthetic.kinds.images import images
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.passes.prune import without_data
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.pipeline.step_report import StepReport


def pruned(file: str, portion: Portion | None, folder: Path, **options: object) -> tuple[str, StepReport]:
    model = load(file)
    (report,) = run_steps(model, [Step("prune", options)], None, portion)
    folder.mkdir()
    return write_into(model, str(folder), "out"), report


def test_recovered_on_synthetic_inputs(tmp_path: Path) -> None:
    file = made(tmp_path, NET)
    zeroed, plain = pruned(file, None, tmp_path / "z", sparsity=0.6)
    better, report = pruned(file, Portion(()), tmp_path / "r", sparsity=0.6)
    again, _ = pruned(file, Portion(()), tmp_path / "a", sparsity=0.6)
    assert report.changed == plain.changed and any(n.startswith("recovered without data: ") for n in report.notes)
    assert not any("recovered" in n for n in plain.notes)
    feed = {"x": images("leaves", np.random.default_rng(9), (16, 3, 32, 32))}
    assert ratio(file, better, feed) > ratio(file, zeroed, feed) + 3
    assert Path(better).read_bytes() == Path(again).read_bytes(), "the same each time"
    _, much = pruned(file, Portion(()), tmp_path / "m", sparsity=0.8)
    warned = [[n for n in r.notes if "expect a loss" in n] for r in (report, much)]
    assert warned == [[], ["80% zeros without data: expect a loss, whatever synthetic inputs say; give data (--calibrate)"]]


def test_zeroed_where_recovery_is_no_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, scores = made(tmp_path, NET), iter((Score(9.0, 9.0), Score(8.0, 9.5)))
    monkeypatch.setattr(guard, "scored", lambda *_: next(scores))
    result, report = pruned(file, Portion(()), tmp_path / "r", sparsity=0.6)
    zeroed, _ = pruned(file, None, tmp_path / "z", sparsity=0.6)
    assert any(n.startswith("not recovered: on synthetic inputs of another kind that has 8.0 dB") for n in report.notes)
    feed = {"x": images("leaves", np.random.default_rng(9), (4, 3, 32, 32))}
    assert np.array_equal(output(zeroed, feed), output(result, feed))


@pytest.mark.parametrize("options", [{"sparsity": 0.1}, {"threshold": 1e-3}, {"l1": 0.1}, {"sparsity": 0.6, "no_recover": True}])
def test_the_model_is_not_run_where_it_would_not_pay(options: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(without_data, "recovered", lambda *_: pytest.fail("run"))
    _, report = pruned(made(tmp_path, NET), Portion(()), tmp_path / "r", **options)
    assert report.changed


def test_weights_that_nothing_can_be_known_of_are_zeroed(tmp_path: Path) -> None:
    """One weight of two operators, one that is an output, one in a branch: in the same file, with the share exact in each."""
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,32] x, bool t) => (float[N,32] y, float[32,32] V)
        <float[32,32] W, float[32,32] V> {
        a = MatMul (x, W)  b = Relu (a)  c = MatMul (b, W)  d = MatMul (c, V)
        y = If (t) <then_branch = th () => (float[N,32] p) { p = MatMul (d, W) },
                    else_branch = el () => (float[N,32] q) { q = Identity (d) }> }"""
    file = made(tmp_path, text)
    result, _ = pruned(file, Portion(()), tmp_path / "r", sparsity=0.5)
    V = numpy_helper.to_array(next(t for t in onnx.load(result).graph.initializer if t.name == "V"))
    original = numpy_helper.to_array(next(t for t in onnx.load(file).graph.initializer if t.name == "V"))
    assert np.array_equal(V, original)
    assert np.isfinite(ratio(file, result, {"x": np.random.default_rng(0).standard_normal((8, 32), np.float32), "t": np.array(True)}))
