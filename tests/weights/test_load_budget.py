"""One limit on load memory for the whole model: who moves first, and that values stay what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser

import lightweight_cli as lwc
from lightweight_cli.errors import UsageError
from lightweight_cli.passes.quantize.nearest import quantized
from lightweight_cli.weights.at_load import at_load
from lightweight_cli.weights.load_budget import LEAST, WORTH, Budget, Form, relieved

SIZE = 256
SPARSE = 0.6


def test_the_cheapest_byte_moves_first() -> None:
    menus = [[Form(0, 100, 1000), Form(1, 200, 900), Form(2, 150, 500)],  # 50 bytes for 500, 100 bytes for 100
             [Form(3, 100, 1000), Form(0, 110, 900)],  # 10 bytes for 100: the same price, a later weight
             [Form(0, 100, 1000), Form(1, 104, 950)]]  # 4 bytes for 50: the best
    assert relieved(menus, 1, 0) == {2: menus[2][1]}
    assert relieved(menus, 50, 0) == {2: menus[2][1]}
    assert relieved(menus, 51, 0) == {2: menus[2][1], 0: menus[0][2]}
    assert relieved(menus, 551, 0) == {2: menus[2][1], 0: menus[0][2], 1: menus[1][1]}
    assert relieved(menus, 10_000, 0) == relieved(menus, 651, 0), "as far as it goes"
    assert relieved(menus, 0, 0) == {}


def test_a_weight_moves_on_from_where_it_came() -> None:
    menu = [Form(0, 100, 1000), Form(1, 101, 900), Form(2, 400, 100)]
    assert relieved([menu], 50, 0) == {0: menu[1]}
    assert relieved([menu], 500, 0) == {0: menu[2]}
    assert relieved([menu], 500, WORTH) == {0: menu[1]}, "the last step saves less than eight bytes at load for each of the file"


def test_the_room() -> None:
    assert Budget().room(1) == LEAST and Budget().room(LEAST + 1) == LEAST + 1
    assert Budget(2, "x").room(100) == 200 and Budget(7, "bytes").room(100) == 7


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Three MatMuls with weights that are mostly zero."""
    random = np.random.default_rng(0)
    proto = parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 13]> g (float[4,{SIZE}] x) => (float[4,{SIZE}] y)
        {{ a = MatMul(x, A) b = MatMul(a, B) y = MatMul(b, C) }}""")
    for name in "ABC":
        weight = random.standard_normal((SIZE, SIZE)).astype(np.float32)
        weight[random.random(weight.shape) < SPARSE] = 0
        proto.graph.initializer.append(numpy_helper.from_array(weight, name))
    onnx.save(proto, tmp_path / "model.onnx")
    return str(tmp_path / "model.onnx")


def outputs(path: str) -> np.ndarray:
    x = np.random.default_rng(1).standard_normal((4, SIZE)).astype(np.float32)
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def encodings(result: lwc.Result) -> list[str]:
    return [w.encoding for w in result.steps[-1].weights]


def test_encodings_keep_one_limit_together(model: str, tmp_path: Path) -> None:
    steps = {limit: lwc.run(model, [f"quantize:bits=8{limit}"]) for limit in ("", ",load_memory=5MB", ",load_memory=1500KB")}
    free, some, few = steps.values()
    assert encodings(free) == ["tree of 1"] * 3
    assert sorted(encodings(some)) == ["packed", "tree of 1", "tree of 1"]
    assert encodings(few) == ["packed"] * 3
    assert free.size < some.size < few.size
    results = []
    for result in steps.values():
        result.save(tmp_path / "small.onnx", force=True, check=False)
        results.append(outputs(str(tmp_path / "small.onnx")))
    assert all(np.array_equal(results[0], r) for r in results)
    assert not some.steps[0].notes and "over the 2 MB of --load-memory" in few.steps[0].notes[0]


def test_a_weight_that_takes_another_form_is_not_quantized_again(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightweight_cli.passes.quantize import weights

    rounded: list[str] = []
    monkeypatch.setattr(weights, "quantized", lambda model, weight, *rest: rounded.append(weight.name) or quantized(model, weight, *rest))
    for limit in ("", ",load_memory=5MB"):
        rounded.clear()
        result = lwc.run(model, [f"quantize:bits=8{limit}"])
        assert sorted(rounded) == ["A", "B", "C"]
    assert sorted(encodings(result)) == ["packed", "tree of 1", "tree of 1"]


def test_a_weight_that_takes_another_form_is_not_pruned_again(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightweight_cli.passes.prune import magnitude

    found, results, pruned = [], [], magnitude.pruned
    monkeypatch.setattr(magnitude, "pruned", lambda rewriter, weight, *rest: found.append(weight.name) or pruned(rewriter, weight, *rest))
    for limit in ("", ",load_memory=1MB"):
        found.clear()
        result = lwc.run(model, [f"prune:sparsity=0.8,no_recover=true{limit}"])
        assert sorted(found) == ["A", "B", "C"]
        result.save(tmp_path / "small.onnx", force=True, check=False)
        results.append((outputs(str(tmp_path / "small.onnx")), encodings(result)))
    assert results[0][1] == ["bitmask"] * 3 and results[1][1] == ["float"] * 3
    assert np.array_equal(results[0][0], results[1][0])


def test_weights_encoded_before_count(model: str, tmp_path: Path) -> None:
    first = lwc.run(model, ["quantize:bits=8,only=A", "quantize:bits=8,only=B"])
    assert encodings(first) == ["tree of 1"]
    tight = lwc.run(model, ["quantize:bits=8,only=A", "quantize:bits=8,only=B,load_memory=2500KB"])
    assert encodings(tight) == ["packed"], "A alone takes most of it"


def test_a_limit_takes_splits_away() -> None:
    proto = parser.parse_model("""<ir_version: 8, opset_import: ["" : 13]> g (float[1,512] x) => (float[1,512] y) { y = MatMul(x, W) }""")
    weight = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weight, "W"))
    assert encodings(lwc.run(proto, ["quantize:bits=4,granularity=tensor"])) == ["tree of 4"]
    assert encodings(lwc.run(proto, ["quantize:bits=4,granularity=tensor,load_memory=10MB"])) == ["tree of 3"]
    assert encodings(lwc.run(proto, ["quantize:bits=4,granularity=tensor,load_memory=4MB"])) == ["packed"]


@pytest.mark.parametrize("text", ["", "many", "-1", "0", "5 apples"])
def test_what_is_no_limit_is_refused(model: str, text: str) -> None:
    with pytest.raises(UsageError, match="load.memory .* is not understood"):
        lwc.run(model, [f"pack:load_memory={text}"])


def test_a_table_decoded_by_rows_counts_as_what_is_stored(tmp_path: Path) -> None:
    from lightweight_cli.model.load import load
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.weights.rewrite import Rewriter

    rows = 1024
    proto = parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 13]> g (int64[n] i) => (float[n,{SIZE}] y)
        {{ y = Gather(W, i) }}""")
    proto.graph.initializer.append(numpy_helper.from_array(np.random.default_rng(0).standard_normal((rows, SIZE)).astype(np.float32), "W"))
    onnx.save(proto, tmp_path / "table.onnx")
    lwc.run(str(tmp_path / "table.onnx"), ["quantize:bits=8"]).save(str(tmp_path / "rows.onnx"))
    assert any(n.output[0].endswith(".rows") for n in onnx.load(tmp_path / "rows.onnx").graph.node)
    model = load(str(tmp_path / "rows.onnx"))

    from lightweight_cli.weights.row_restoring import decode_whole

    assert decode_whole(model).names == {"W"}
    counted = [Rewriter(model, StepReport("quantize", lossy=lossy)) for lossy in (True, False)]
    by_rows, whole = (at_load(r.weights[0], bool(r.by_rows)) for r in counted)
    assert rows * SIZE <= by_rows < 1.1 * rows * SIZE and whole > 8 * rows * SIZE
