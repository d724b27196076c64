"""Tables decoded by rows: the same bits as whole tables, in every form, and plain again for whatever comes next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, numpy_helper, parser

from lightweight_cli.model.load import load
from lightweight_cli.model.output_external import write_candidate
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.pipeline import recipe
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.weights import looked_up
from lightweight_cli.weights.at_load import decoding_bytes
from lightweight_cli.weights.row_chain import load_bytes
from lightweight_cli.weights.search import find_weights

NEVER = 1 << 60
LEVELS = (0, 1, 2, 99)
V = 48
STEPS = ["quantize:bits=8", "quantize:bits=4", "quantize:bits=5", "quantize:bits=3", "quantize:bits=2", "quantize:bits=6",
         "quantize:bits=4,granularity=channel", "quantize:bits=8,granularity=tensor", "half", "share:bits=4", "share:bits=8",
         "prune:sparsity=0.6", "share:bits=4,vector=4"]


def model(folder: Path, shape: tuple[int, ...] = (V, 64), rank: str = "n,m", kind: str = "int64", opset: int = 13,
          body: str = "y = Gather(W, i)", name: str = "model") -> str:
    """Write a model that looks rows up in W; return its path."""
    ir = 8 if opset < 21 else 10
    ports = f"({kind}{f'[{rank}]' if rank else ''} i) => (float[{','.join('abcdef'[: len(rank.replace(',', '')) + len(shape) - 1])}] y)"
    proto = parser.parse_model(f'<ir_version: {ir}, opset_import: ["" : {opset}]> g {ports} {{ {body} }}')
    weight = np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weight, "W"))
    path = str(folder / f"{name}.onnx")
    onnx.save(proto, path)
    return path


def stepped(monkeypatch: pytest.MonkeyPatch, path: str, *steps: str, least: int = 0) -> str:
    """Apply steps, of which tables of `least` bytes are decoded by rows; return the file."""
    monkeypatch.setattr(looked_up, "LEAST", least)
    loaded = load(path)
    run_steps(loaded, [recipe.parse(s) for s in steps])
    target = str(Path(path).parent / f"result{len(list(Path(path).parent.iterdir()))}.onnx")
    candidate = write_candidate(loaded, target)
    candidate.publish()
    candidate.discard()
    onnx.checker.check_model(onnx.load(target), full_check=True)
    return target


def gathered(path: str) -> set[str]:
    """Return what nodes of the main graph take rows of what is stored."""
    return {n.input[0] for n in onnx.load(path).graph.node if n.op_type == "Gather" and n.output[0].endswith(".rows")}


def outputs(path: str, indices: np.ndarray, level: int = 99) -> np.ndarray:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel(level)
    options.log_severity_level = 4
    return np.asarray(ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"i": indices})[0])


def same(a: str, b: str, indices: np.ndarray) -> None:
    for level in LEVELS:
        one, other = outputs(a, indices, level), outputs(b, indices, level)
        assert one.shape == other.shape and one.tobytes() == other.tobytes(), level


INDICES = {"": np.array(3), "n": np.array([0, -1, V - 1, -V]), "n,m": np.array([[5, -2, 7], [0, 0, -V]]),
           "n,m,k": np.arange(-6, 6).reshape(2, 3, 2)}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rank", INDICES)
def test_the_same_bits_as_the_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, rank: str) -> None:
    path = model(tmp_path, rank=rank)
    rows, whole = stepped(monkeypatch, path, step), stepped(monkeypatch, path, step, least=NEVER)
    assert not gathered(whole)
    if not step.startswith(("prune", "share:bits=4,v", "quantize:bits=2")):
        assert gathered(rows), onnx.printer.to_text(onnx.load(rows).graph)
    same(rows, whole, INDICES[rank].astype(np.int64))


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 21])
@pytest.mark.parametrize("kind", ["int64", "int32"])
@pytest.mark.parametrize("bits", [4, 8])
def test_opsets_and_types_of_indices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opset: int, kind: str, bits: int) -> None:
    path = model(tmp_path, kind=kind, opset=opset)
    rows, whole = (stepped(monkeypatch, path, f"quantize:bits={bits}", least=n) for n in (0, NEVER))
    indices = INDICES["n,m"] if opset >= 11 else np.abs(INDICES["n,m"]) % V  # negative indices are new in 11
    same(rows, whole, indices.astype(kind))
    assert opset == 21 or gathered(rows)


@pytest.mark.parametrize("shape", [(V, 33), (V, 2, 32), (V, 7), (V, 96), (1, 256), (3, 5, 7), (V, 4, 4, 8)])
@pytest.mark.parametrize("step", ["quantize:bits=8", "quantize:bits=4", "quantize:bits=5", "quantize:bits=2", "half"])
def test_shapes_of_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], step: str) -> None:
    path = model(tmp_path, shape, rank="n")
    rows, whole = stepped(monkeypatch, path, step), stepped(monkeypatch, path, step, least=NEVER)
    same(rows, whole, np.array([0, -1, shape[0] - 1]))
    same(rows, whole, np.zeros(0, np.int64))


@pytest.mark.parametrize("step", [s for s in STEPS if not s.startswith("prune")])
def test_every_pass_after_it_sees_the_plain_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = model(tmp_path, (V, 256))
    rows, whole = stepped(monkeypatch, path, step), stepped(monkeypatch, path, step, least=NEVER)
    indices = INDICES["n,m"]
    for then in ("strip", "fold", "dedupe", "pack"):
        again = stepped(monkeypatch, rows, then)
        same(again, whole, indices)
        assert bool(gathered(again)) == bool(gathered(rows)), then
    for then in ("quantize:bits=3", "share:bits=3", "prune:sparsity=0.5", "half"):
        same(stepped(monkeypatch, rows, then), stepped(monkeypatch, whole, then, least=NEVER), indices)
    plain = onnx.load(stepped(monkeypatch, rows, "unpack"))
    assert [n.op_type for n in plain.graph.node] == ["Gather"] and [t.name for t in plain.graph.initializer] == ["W"]
    assert plain.graph.node[0].input[0] == "W"


def unsigned(path: str) -> bytes:
    proto = onnx.load(path)
    del proto.metadata_props[:]
    return proto.SerializeToString(deterministic=True)


@pytest.mark.parametrize("step", ["quantize:bits=8", "quantize:bits=4", "quantize:bits=5", "share:bits=4"])
def test_determinism_and_no_change_by_a_second_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = model(tmp_path, (V, 256))
    first = stepped(monkeypatch, path, step)
    assert Path(first).read_bytes() == Path(stepped(monkeypatch, path, step)).read_bytes()
    assert unsigned(stepped(monkeypatch, first, "strip")) == unsigned(first)
    assert unsigned(stepped(monkeypatch, path, step, "strip")) == unsigned(first), "a recipe gives what a pipe gives"
    chained = stepped(monkeypatch, stepped(monkeypatch, path, "half"), step)
    assert Path(chained).read_bytes() == Path(stepped(monkeypatch, path, "half", step)).read_bytes()


@pytest.mark.parametrize("body", [
    "z = Gather(W, i) t = MatMul(z, z) y = MatMul(t, W)",  # another reader
    "y = Gather <axis = 1> (W, i)",
    "u = Transpose <perm = [1, 0]> (W) y = Gather(u, i)",
    "j = Constant <value = int64[2] {1, 2}> () a = Gather(W, j) y = Gather(a, i)",
])
def test_left_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    path = model(tmp_path, (64, 64), rank="n,m" if "MatMul" not in body else "n", body=body)
    rows, whole = stepped(monkeypatch, path, "quantize:bits=8"), stepped(monkeypatch, path, "quantize:bits=8", least=NEVER)
    assert not gathered(rows)
    same(rows, whole, np.zeros((2, 2) if "MatMul" not in body else 64, np.int64))


def test_indices_of_unknown_rank_leave_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(tmp_path, (V, 256), rank="n,m", body="s = Shape(i) j = Reshape(i, s) y = Gather(W, j)")
    rows = stepped(monkeypatch, path, "quantize:bits=4")
    assert not gathered(rows)


def test_lossless_passes_alone_change_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(tmp_path, (V, 256))
    whole = stepped(monkeypatch, path, "quantize:bits=8", least=NEVER)
    assert not gathered(stepped(monkeypatch, whole, "pack", "strip"))
    assert gathered(stepped(monkeypatch, whole, "quantize:bits=4"))


def test_a_table_in_a_branch_is_left_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(tmp_path, (V, 256), rank="n", body="""
        c = Constant <value = bool {1}> ()
        y = If (c) <then_branch = t () => (float[a, b] p) { p = Gather(W, i) }, else_branch = e () => (float[a, b] q)
        { r = Gather(W, i) q = Neg(r) }>""")
    rows, whole = stepped(monkeypatch, path, "quantize:bits=8"), stepped(monkeypatch, path, "quantize:bits=8", least=NEVER)
    assert not gathered(rows)
    same(rows, whole, INDICES["n"])


def tampered(path: str, change: str) -> str:
    """Return a file in which something is not as it was made."""
    proto: ModelProto = onnx.load(path)
    last = next(n for n in proto.graph.node if n.output[0] == "y")
    codes = next(n for n in proto.graph.node if n.output[0].endswith(".rows"))
    if change == "name":
        last.name = ""
    elif change == "taken":
        last.name = "i"
    elif change == "axis":
        codes.attribute.add().CopyFrom(onnx.helper.make_attribute("axis", 1))
    elif change == "output":
        rank = 1 + next(len(t.dims) for t in proto.graph.initializer if t.name == codes.input[0])  # of indices of rank 2
        proto.graph.output.add().CopyFrom(onnx.helper.make_tensor_value_info(codes.output[0], 3, [None] * rank))
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("change", ["name", "taken", "output"])
def test_what_is_not_as_it_was_made_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    path = tampered(stepped(monkeypatch, model(tmp_path, (V, 256)), "quantize:bits=8"), change)
    after = stepped(monkeypatch, path, "strip")
    assert gathered(after) == gathered(path)
    same(path, after, INDICES["n,m"])


@pytest.fixture
def skewed(tmp_path: Path) -> str:
    """A model whose table's codes are so unequally frequent that bits split them."""
    path = model(tmp_path, (V, 512))
    proto = onnx.load(path)
    w = numpy_helper.to_array(proto.graph.initializer[0])
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(w * np.abs(w), "W"))
    onnx.save(proto, path)
    return path


def test_of_a_split_tree_the_first_split_is_by_rows(skewed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, whole = (stepped(monkeypatch, skewed, "quantize:bits=4,granularity=tensor", least=n) for n in (0, NEVER))
    same(rows, whole, INDICES["n,m"])
    assert len(gathered(rows)) > 1, "bits, and how many ones and zeros there are before"
    assert "CumSum" in {n.op_type for n in onnx.load(rows).graph.node}
    assert unsigned(stepped(monkeypatch, rows, "strip")) == unsigned(rows), "restored and made again"
    same(stepped(monkeypatch, rows, "quantize:bits=3"), stepped(monkeypatch, whole, "quantize:bits=3", least=NEVER), INDICES["n,m"])
    assert [n.op_type for n in onnx.load(stepped(monkeypatch, rows, "unpack")).graph.node] == ["Gather"]


def test_a_tree_by_rows_takes_less_at_load(skewed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stepped(monkeypatch, skewed, "quantize:bits=4,granularity=tensor", least=NEVER)
    main = Scopes((loaded := load(path)).proto).main
    weight = next(w for w in find_weights(loaded, Scopes(loaded.proto)) if w.name == "W")
    by_rows, at_once = load_bytes(loaded, main, "W"), decoding_bytes(weight)
    assert by_rows is not None and by_rows < 0.7 * at_once
