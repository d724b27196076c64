"""Bundles in whole models: smaller files of the same values, and what later steps make of them."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper

COARSE = "quantize:bits=2,granularity=tensor,method=nearest,keep=0"
SIZE, COUNT = 20, 6


def chain(opset: int = 17, body: str = "", scale: float = 1.0) -> ModelProto:
    """A chain of square weights W0, W1, ..., each of another scale; `body` makes y of the last product h."""
    names = [f"W{i}" for i in range(COUNT)]
    nodes = "".join(f" h{i + 1} = MatMul (h{i}, {n})" for i, n in enumerate(names[:-1]))
    shape, square = f"float[2,{SIZE}]", f"float[{SIZE},{SIZE}]"
    proto = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]> g ({shape} h0) => ({shape} y) <{", ".join(f"{square} {n}" for n in names)}>'
        f" {{{nodes} h = MatMul (h{COUNT - 1}, {names[-1]}) {body or 'y = Identity (h)'} }}")
    random = np.random.default_rng(1)
    del proto.graph.value_info[:]
    for i, name in enumerate(names):
        values = (random.normal(size=(SIZE, SIZE)) * scale * (i + 1) / 4).astype("f4")
        proto.graph.initializer.append(numpy_helper.from_array(values, name))
    return proto


@pytest.fixture
def bundled(save: Callable[..., str], apply: Callable[..., object]) -> object:
    return apply(save(chain()), COARSE)


def parting(proto: ModelProto) -> list[onnx.NodeProto]:
    return [n for n in proto.graph.node if n.op_type == "Split"]


def names(count: int = COUNT) -> list[str]:
    return [f"W{i}" for i in range(count)]


@pytest.mark.parametrize("opset", [8, 11, 17])
def test_weights_that_are_alike_share_a_tree(opset, save, apply, execute):
    done = apply(save(chain(opset)), COARSE)
    assert {done.encodings[n] for n in names()} == {"bundle + packed"} and len(parting(done.proto)) == 1
    assert {w.stored_as for w in done.report.weights} == {"2 bits, one scale, with 5 other weights"}
    whole = sum(w.after for w in done.report.weights)
    assert whole <= os.path.getsize(done.path) < whole + (1500 if opset > 10 else 2500)
    alone = apply(done.path, "unpack")
    assert not alone.encodings.keys() ^ set(names()) and not parting(alone.proto)
    for name in names():
        assert np.array_equal(done.value(name), alone.value(name)) and np.unique(alone.value(name)).size <= 4
    x = np.random.default_rng(0).normal(size=(2, SIZE)).astype("f4")
    assert np.array_equal(execute(done.path, {"h0": x})[0], execute(alone.path, {"h0": x})[0])


def test_what_a_bundle_holds_is_read_and_stays_as_small(bundled, apply):
    for step in ("pack", "strip", "fold", "dedupe", COARSE, "share:bits=2"):
        again = apply(bundled.path, step)
        assert os.path.getsize(again.path) <= os.path.getsize(bundled.path), step
        assert all(np.array_equal(bundled.value(n), again.value(n)) for n in names()), step
    assert "would not be smaller" in apply(bundled.path, "pack").left["W0"]


def test_a_bundle_goes_when_some_of_its_weights_do(bundled, apply):
    done = apply(bundled.path, "prune:sparsity=0.95,exclude=W0,exclude=W1")
    assert set(done.encodings) == {"W2", "W3", "W4", "W5"} and {"W0", "W1"} <= done.left.keys()
    for name in ("W0", "W1"):
        assert np.array_equal(done.value(name), bundled.value(name))
    assert np.count_nonzero(done.value("W3")) == SIZE * SIZE // 20
    assert os.path.getsize(done.path) <= os.path.getsize(bundled.path)
    read = {i for n in done.proto.graph.node for i in n.input} | {"y"}
    assert all(any(o in read for o in n.output) for n in done.proto.graph.node)
    assert all(t.name in read for t in done.proto.graph.initializer)


def test_only_weights_of_the_main_graph_go_together(save, apply, execute):
    inner = ("c = Greater (h, h) one = ReduceMax <keepdims = 0> (h) zero = Sub (one, one) t = Less (zero, one) "
             "y = If (t) <then_branch = a () => (float[2,20] r) { k = MatMul (h, W0) r = Identity (k) }, "
             "else_branch = b () => (float[2,20] r) { r = MatMul (h, I) }>")
    proto = chain(body=inner)
    branch = next(a.g for n in proto.graph.node if n.op_type == "If" for a in n.attribute if a.name == "else_branch")
    branch.initializer.append(numpy_helper.from_array(np.random.default_rng(9).normal(size=(SIZE, SIZE)).astype("f4"), "I"))
    values = proto.graph.initializer.pop(3)
    proto.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["W3"], value=values))
    proto.graph.output.append(onnx.helper.make_tensor_value_info("W5", onnx.TensorProto.FLOAT, [SIZE, SIZE]))
    proto.graph.initializer.append(numpy_helper.from_array(np.zeros((0, SIZE), "f4"), "E"))
    proto.graph.node.append(onnx.helper.make_node("MatMul", ["E", "W4"], ["e"]))
    proto.graph.output.append(onnx.helper.make_tensor_value_info("e", onnx.TensorProto.FLOAT, [0, SIZE]))
    done = apply(save(proto), COARSE)
    kinds = {n: e.partition(" ")[0] for n, e in done.encodings.items()}
    assert kinds == {**dict.fromkeys(("W0", "W1", "W2", "W3", "W4"), "bundle"), "I": kinds["I"]} and kinds["I"] != "bundle"
    assert done.left["W5"] == "is an output of the graph"
    plain = apply(done.path, "unpack")
    x = np.random.default_rng(0).normal(size=(2, SIZE)).astype("f4")
    assert all(map(np.array_equal, execute(done.path, {"h0": x}), execute(plain.path, {"h0": x})))


def test_bundles_keep_the_limits_on_what_is_decoded_at_load(save, apply):
    free, held = apply(save(chain()), COARSE), apply(save(chain()), f"{COARSE},load_memory=0.5x")
    assert len(parting(free.proto)) == 1 and not parting(held.proto)
    assert all(np.array_equal(free.value(n), held.value(n)) for n in names())
