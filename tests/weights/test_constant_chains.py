"""Constants behind nodes: shapes without values, and chains that are built to fill the memory or to crash numpy."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.model.blobs import Source
from lightweight_cli.model.load import load as load_model
from lightweight_cli.model.model import Model
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights import constant_values, constants
from lightweight_cli.weights.not_constant import NotConstant
from lightweight_cli.weights.search import find_weights

HUGE = 1 << 40


@pytest.fixture
def load(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Load textual ONNX as lwc does."""

    def call(text: str) -> Model:
        path = tmp_path / "m.onnx"
        path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
        return load_model(str(path))

    return call


def text(nodes: str, tensors: str, opset: int = 13) -> str:
    return f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[2,4] x) => (float[2,4] y) <{tensors}> {{ {nodes} y = MatMul(x, W) }}'


CHAINS = {
    "a gather of too much": text("W = Gather(t, i)", "float[4,4] t = {" + ",".join(["1"] * 16) + "}, int64[2] i = {0, 99}"),
    "no such axis": text("W = Gather<axis = 7>(t, i)", "float[2,2] t = {1,2,3,4}, int64[1] i = {0}"),
    "a shape that does not fit": text("W = Reshape(t, s)", "float[4] t = {1,2,3,4}, int64[2] s = {3, 3}"),
    "two unknowns": text("W = Reshape(t, s)", "float[4] t = {1,2,3,4}, int64[2] s = {-1, -1}"),
    "an unknown of nothing": text("W = Reshape(t, s)", "float[0] t = {}, int64[2] s = {0, -1}"),
    "a vast constant": text("W = ConstantOfShape(s)", f"int64[2] s = {{{HUGE}, 4}}"),
    "a negative constant": text("W = ConstantOfShape(s)", "int64[2] s = {-4, 4}"),
    "shapes that do not broadcast": text("W = Mul(a, b)", "float[3] a = {1,2,3}, float[2] b = {1,2}"),
    "a broadcast of much": text(
        "a = Reshape(z, s) b = Reshape(z, r) W = Mul(a, b)",
        "float[65536] z = {" + ",".join(["1"] * 65536) + "}, int64[2] s = {65536, 1}, int64[2] r = {1, 65536}",
    ),
    "a step of zero": text(
        "W = Slice(t, a, b, c, d)", "float[4] t = {1,2,3,4}, int64[1] a = {0}, int64[1] b = {4}, int64[1] c = {0}, int64[1] d = {0}"
    ),
    "ends that are missing": text("W = Slice(t, a, b)", "float[4] t = {1,2,3,4}, int64[2] a = {0, 0}, int64[1] b = {4}"),
    "a permutation that is none": text("W = Transpose<perm = [0, 5]>(t)", "float[2,2] t = {1,2,3,4}"),
    "an axis that is not one": text("W = Squeeze(t, a)", "float[2,2] t = {1,2,3,4}, int64[1] a = {0}"),
    "an exclusive sum": text("W = CumSum<exclusive = 1>(t, a)", "float[4] t = {1,2,3,4}, int64 a = {0}"),
    "a scatter beyond the end": text("W = ScatterElements(t, i, v)", "float[4] t = {1,2,3,4}, int64[1] i = {9}, float[1] v = {1}"),
    "blocks without end": text(
        "W = DequantizeLinear<axis = 0, block_size = 1099511627776>(q, s)", "int8[2,2] q = {1,2,3,4}, float[2,2] s = {1,1,1,1}", 21
    ),
    "a missing input": text("W = Reshape(t)", "float[4] t = {1,2,3,4}"),
    "a shape of floats": text("W = Reshape(t, s)", "float[4] t = {1,2,3,4}, float[1] s = {nan}".replace("nan", "1e30")),
    "a type that is none": text("W = Cast<to = 77>(t)", "float[4] t = {1,2,3,4}"),
    "a cast to text": text("W = Cast<to = 8>(t)", "float[4] t = {1,2,3,4}"),
}


@pytest.mark.parametrize("name", CHAINS)
def test_hostile_chains_are_no_weights(name: str, load) -> None:  # type: ignore[no-untyped-def]
    model = load(CHAINS[name])
    scopes = Scopes(model.proto)
    tracemalloc.start()
    with pytest.raises(NotConstant):
        constant_values.evaluate(model, scopes.main, "W")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
    for weight in find_weights(model, scopes):
        if weight.name == "W":  # its shape can be had; reading says what is wrong
            with pytest.raises(NotConstant):
                weight.read(0, weight.size)


def doubling(levels: int, op: str) -> Model:
    """W is computed from the one before it, twice, again and again."""
    nodes = [helper.make_node(op, [f"w{i}", f"w{i}"], [f"w{i + 1}"], **({"axis": 0} if op == "Concat" else {})) for i in range(levels)]
    nodes.append(helper.make_node("MatMul", ["x", f"w{levels}"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((4, 4), np.float32), "w0")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return Model(proto, Source(os.open(os.devnull, os.O_RDONLY), ""), 0, 0, None)


def test_sums_of_sums_are_computed_once() -> None:
    model = doubling(60, "Add")
    started = time.process_time()
    (found,) = find_weights(model, Scopes(model.proto))
    assert found.read(0, 16).tolist() == [2.0**60] * 16
    assert time.process_time() - started < 5


def test_concat_bombs_are_refused_by_their_shape() -> None:
    model = doubling(60, "Concat")
    scopes = Scopes(model.proto)
    assert constants.is_constant(scopes.main, "w60") and not find_weights(model, scopes)
    with pytest.raises(NotConstant, match="too large"):
        constant_values.shape_of(model, scopes.main, "w60")


def test_chains_longer_than_any_encoding_are_no_constants() -> None:
    scopes = Scopes(doubling(2000, "Add").proto)
    assert not constants.is_constant(scopes.main, "w2000")
    assert constants.is_constant(scopes.main, f"w{constants.DEEPEST}")


GOOD = {
    "Cast": ("W = Cast<to = 10>(t)", (2, 3)),
    "Reshape": ("W = Reshape(t, r)", (3, 2)),
    "Transpose": ("W = Transpose(t)", (3, 2)),
    "Slice": ("W = Slice(t, one, two, one)", (2, 1)),
    "Gather": ("W = Gather<axis = 1>(t, i)", (2, 2, 2)),
    "Concat": ("W = Concat<axis = -1>(t, t)", (2, 6)),
    "Unsqueeze": ("W = Unsqueeze(t, one)", (2, 1, 3)),
    "Squeeze": ("u = Unsqueeze(t, one) W = Squeeze(u)", (2, 3)),
    "Mul": ("W = Mul(t, row)", (2, 3)),
    "Sub": ("W = Sub(row, t)", (2, 3)),
    "Where": ("b = Cast<to = 9>(t) W = Where(b, t, row)", (2, 3)),
    "CumSum": ("W = CumSum(t, one)", (2, 3)),
    "ConstantOfShape": ("W = ConstantOfShape(r)", (3, 2)),
    "Identity": ("W = Identity(t)", (2, 3)),
    "DequantizeLinear": ("q = Cast<to = 3>(t) W = DequantizeLinear<axis = 1>(q, row1)", (2, 3)),
    "ScatterElements": ("f = Reshape(t, minus) W = ScatterElements(f, one, v)", (6,)),
}


@pytest.mark.parametrize("op", GOOD)
def test_shapes_are_those_of_the_values(op: str, load) -> None:  # type: ignore[no-untyped-def]
    nodes, shape = GOOD[op]
    model = load(
        f"""<ir_version: 8, opset_import: ["" : 13]> g (float[1] x) => (float[1] y)
        <float[2,3] t = {{1,2,3,4,5,6}}, int64[2] r = {{3, -1}}, int64[1] one = {{1}}, int64[1] two = {{2}}, int64[1] minus = {{-1}},
         int64[2,2] i = {{0,1,2,0}}, float[1,3] row = {{1,0,2}}, float[3] row1 = {{1,0,2}}, float[1] v = {{9}}>
        {{ {nodes} y = Identity(x) }}""".replace(
            "{3, -1}", "{3, 2}" if op == "ConstantOfShape" else "{3, -1}"
        )
    )
    scopes = Scopes(model.proto)
    value = constant_values.evaluate(model, scopes.main, "W")
    assert value.shape == shape and constant_values.shape_of(model, scopes.main, "W") == (value.shape, value.dtype)
