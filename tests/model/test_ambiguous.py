"""Names and versions given twice: what runtimes agree on is followed, what they do not agree on is refused or left alone."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, helper, numpy_helper

import lightweight_cli
from lightweight_cli.errors import InputError
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.pipeline import registry
from lightweight_cli.runtime import opset

W = np.random.default_rng(0).standard_normal((64, 32)).astype(np.float32)
IMPORTS = [[("", 12), ("", 13)], [("", 13), ("", 12)], [("ai.onnx", 12), ("", 13)], [("ai.onnx", 13), ("", 12)],
           [("", 12), ("ai.onnx", 13)], [("", 13), ("ai.onnx", 12)], [("ai.onnx", 13)]]


def run(proto: ModelProto, **feed: np.ndarray) -> np.ndarray:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, feed)[0]


def dense(*tensors: onnx.TensorProto, ir: int = 10) -> ModelProto:
    model = onnx.parser.parse_model(
        f'<ir_version: {ir}, opset_import: ["" : 9]> g (float[n,64] x) => (float[n,32] y) {{ y = MatMul (x, w) }}')
    model.graph.initializer.extend(tensors)
    if ir < 4:
        model.graph.input.append(helper.make_tensor_value_info("w", 1, [64, 32]))
    return model


NEEDED = {"prune": ":sparsity=0.5", "prune-channels": ":channels=0.5", "student": ":width=0.5"}


@pytest.mark.parametrize("ir", [3, 10])
@pytest.mark.parametrize("step", [p.name for p in registry.all_passes() if not p.trains])
def test_one_name_for_two_initializers_is_refused(ir: int, step: str) -> None:
    model = dense(numpy_helper.from_array(W * 5, "w"), numpy_helper.from_array(W, "w"), ir=ir)
    with pytest.raises(InputError, match="initializer 'w' is given twice") as refused:
        lightweight_cli.run(model, [step + NEEDED.get(step, "")])
    assert refused.value.exit_code == 3 and "\n" not in str(refused.value)


@pytest.mark.parametrize("other", [W.astype(np.float16), W[:32], W.T])
def test_of_another_type_or_shape_too(other: np.ndarray) -> None:
    with pytest.raises(InputError, match="given twice"):
        lightweight_cli.run(dense(numpy_helper.from_array(other, "w"), numpy_helper.from_array(W, "w")), ["strip"])


def test_in_a_branch_too() -> None:
    model = branches(W)
    model.graph.node[-1].attribute[0].g.initializer.append(numpy_helper.from_array(W * 2, "w"))
    with pytest.raises(InputError, match="given twice"):
        lightweight_cli.run(model, ["strip"])


def test_the_same_tensor_twice_does_no_harm() -> None:
    result = lightweight_cli.run(dense(*[numpy_helper.from_array(W, "w")] * 2), ["quantize:keep=0"])
    assert [c.name for c in result.steps[0].weights] == ["w"]


@pytest.mark.parametrize("imports", IMPORTS)
def test_the_last_import_of_a_domain_counts(imports: list[tuple[str, int]]) -> None:
    """Softmax is over all axes but the first up to opset 12, over the last from 13 on."""
    graph = helper.make_graph([helper.make_node("Softmax", ["x"], ["y"])], "g", [helper.make_tensor_value_info("x", 1, [2, 3, 4])],
                              [helper.make_tensor_value_info("y", 1, [2, 3, 4])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*i) for i in imports], ir_version=8)
    x = np.zeros((2, 3, 4), np.float32)
    taken = {1 / 12: 12, 1 / 4: 13}[next(v for v in (1 / 12, 1 / 4) if np.isclose(run(model, x=x).flat[0], v))]
    assert opset.version(model) == taken == Scopes(model).main.opset
    for steps in (["strip"], ["fold"], ["strip", "fold", "dedupe", "pack", "unpack"]):
        result = lightweight_cli.run(model, steps)
        assert np.array_equal(run(result.model.proto, x=x), run(model, x=x))


def branches(inner: np.ndarray, computed: bool = False) -> ModelProto:
    """A model whose branch has an initializer by the name of an outer value."""
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[n, 64] x, bool c) => (float[n, 32] y)
        { y = If (c) < then_branch = t () => (float[n, 32] a) { a = MatMul (x, w) },
                       else_branch = e () => (float[n, 32] b) { b = MatMul (x, w) } > }""")
    model.graph.node[0].attribute[0].g.initializer.append(numpy_helper.from_array(inner, "w"))
    model.graph.initializer.append(numpy_helper.from_array(W, "v" if computed else "w"))
    if computed:
        model.graph.node.insert(0, helper.make_node("Identity", ["v"], ["w"]))
    return model


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("step", ["quantize:keep=0", "prune:sparsity=0.9", "share", "half", "pack", "unpack", "strip", "dedupe", "fold"])
def test_a_name_of_an_outer_value_is_left_alone(step: str, computed: bool, tmp_path) -> None:
    model = branches(np.round(W * 5), computed)
    result = lightweight_cli.run(model, [step])
    result.save(tmp_path / "out.onnx", check=False)
    after = onnx.load(tmp_path / "out.onnx")
    x = np.eye(64, dtype=np.float32)
    was, now = run(model, x=x, c=np.array(True)), run(after, x=x, c=np.array(True))
    assert np.array_equal(was, now) or (computed and step in ("quantize:keep=0", "prune:sparsity=0.9", "share", "half"))
    if step in ("quantize:keep=0", "prune:sparsity=0.9", "share", "half"):
        assert {w.reason for w in result.steps[0].left} == {
            "shares its name with a value of a graph within or around: runtimes differ in which they take"}


HIDING = {
    "the outer is read outside": ("", "w"),
    "the outer is moved": ("v = Identity (w)", "v"),
    "the inner is read in a graph within": ("", "w"),
}


def hiding(how: str, kind: str, inner: np.ndarray) -> ModelProto:
    """A model with an initializer in a branch, by the name of an outer value that no branch reads."""
    before, read = HIDING[how]
    inside = "a = MatMul (x, w)"
    if how == "the inner is read in a graph within":
        inside = """a = If (c) < then_branch = f () => (float[n, 32] d) { d = MatMul (x, w) },
                                 else_branch = h () => (float[n, 32] k) { k = MatMul (x, o) } >"""
    model = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
        g (float[n, 64] x, bool c) => (float[n, 32] y)
        {{ {before} t = If (c) < then_branch = t () => (float[n, 32] a) {{ {inside} }},
                                 else_branch = e () => (float[n, 32] b) {{ b = MatMul (x, o) }} >
           u = MatMul (x, {read})  y = Add (t, u) }}""")
    branch = next(n for n in model.graph.node if n.op_type == "If").attribute[0].g
    branch.initializer.append(numpy_helper.from_array(inner, "w"))
    model.graph.initializer.append(numpy_helper.from_array(2 * W, "o"))
    model.graph.initializer.append(numpy_helper.from_array(W, "w" if kind == "stored" else "s"))
    if kind == "computed":
        model.graph.node.insert(0, helper.make_node("Neg", ["s"], ["w"]))
    return model


@pytest.mark.parametrize("kind", ["stored", "computed"])
@pytest.mark.parametrize("how", HIDING)
def test_an_inner_initializer_of_an_outer_name_gets_another(how: str, kind: str, tmp_path) -> None:
    inner = np.round(W * 5)
    model = hiding(how, kind, inner)
    x = np.eye(64, dtype=np.float32)
    assert np.array_equal(run(model, x=x, c=np.array(True)), inner + (W if kind == "stored" else -W)), "the inner one is taken"
    for step, worst in (("pack", 0), ("quantize:keep=0", 0.02), ("dedupe", 0)):
        result = lightweight_cli.run(model, [step])
        result.save(tmp_path / "out.onnx", force=True, check=False)
        for given in (True, False):
            was = run(model, x=x, c=np.array(given))
            assert np.abs(run(onnx.load(tmp_path / "out.onnx"), x=x, c=np.array(given)) - was).max() <= worst * np.abs(was).max()
        if worst:
            assert {w.name for w in result.steps[0].weights} >= {"w.1", "o"}
            assert not any("shares its name" in w.reason for w in result.steps[0].left)
