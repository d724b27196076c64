"""Encoded weights wherever a model can hold one: main graph, branches, loop bodies, functions; tied, or an output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from encoding_models import LEVELS, coded, emissions, floats, inlined, model_of, run, same, session
from onnx import ModelProto, TensorProto

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.model.model import Model
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.pipeline.step_report import StepReport
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.rewrite import Rewriter
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.weight import Weight

K, N = 24, 10
ZEROS = ",".join(["0"] * (K * N))
ROWS = ",".join(["0"] * 2 * N)
W = f"float[{K},{N}] W = {{{ZEROS}}}"
HEAD = '<ir_version: 8, opset_import: ["" : 17, "local" : 1]>'
MODELS = {
    "main graph": f"{HEAD} g (float[2,{K}] x) => (float[2,{N}] y) <{W}> {{ y = MatMul(x, W) }}",
    "tied": f"""{HEAD} g (float[2,{K}] x) => (float[2,{N}] y) <{W}>
        {{ a = MatMul(x, W) b = MatMul(x, W) t = Transpose(W) c = Gemm<transB = 1>(x, t) d = Add(a, b) y = Sub(d, c) }}""",
    "branch": f"""{HEAD} g (float[2,{K}] x) => (float[2,{N}] y) <bool yes = {{1}}, {W}>
        {{ y = If (yes) <then_branch = t () => (float[2,{N}] p) {{ p = MatMul(x, W) }},
                         else_branch = e () => (float[2,{N}] q) {{ h = MatMul(x, W) q = Neg(h) }}> }}""",
    "branch's own": f"""{HEAD} g (float[2,{K}] x, bool yes) => (float[2,{N}] y)
        {{ y = If (yes) <then_branch = t () => (float[2,{N}] p) <{W}> {{ p = MatMul(x, W) }},
                         else_branch = e () => (float[2,{N}] q) {{ q = Constant<value = float[2,{N}] {{{ROWS}}}>() }}> }}""",
    "loop body": f"""{HEAD} g (float[2,{K}] x) => (float[2,{N}] y) <int64 three = {{3}}, bool go = {{1}}, float[2,{N}] start = {{{ROWS}}}>
        {{ y = Loop (three, go, start) <body = b (int64 i, bool c, float[2,{N}] s) => (bool d, float[2,{N}] z) <{W}>
              {{ d = Identity(c) h = MatMul(x, W) z = Add(h, s) }}> }}""",
    "function": f"""{HEAD} g (float[2,{K}] x) => (float[2,{N}] y) {{ y = local.f(x) }}
        <domain: "local", opset_import: ["" : 17]> f (a) => (b)
        {{ V = Constant<value = float[{K},{N}] W {{{ZEROS}}}>() b = MatMul(a, V) }}""",
}
FEEDS = {"x": np.random.default_rng(1).standard_normal((2, K)).astype(np.float32), "yes": np.array(True)}


def new_values() -> list[tuple[str, Coded | Floats]]:
    """A weight in every form: few codes with a scale, many with a codebook, floats that fit float16."""
    random = np.random.default_rng(0)
    few = np.where(random.random(K * N) < 0.9, 0, random.integers(-7, 8, K * N)).astype(np.int8)
    many = np.where(random.random(K * N) < 0.9, 0, random.integers(0, 40, K * N)).astype(np.uint8)
    book = random.standard_normal(40).astype(np.float32)
    book[0] = 0
    half = np.where(few != 0, random.standard_normal(K * N), 0).astype(np.float16).astype(np.float32)
    return [
        ("scale", coded(few, (K, N), groups=(1, K, N), scale=random.random((1, 1, N)).astype(np.float32))),
        ("codebook", coded(many, (K, N), codebook=book, count=40)),
        ("float", floats(half.reshape(K, N))),
    ]


def stored_as(text: str, values: Coded | Floats, label: str) -> Model:
    """Return a model whose weight holds `values` in the layout called `label`."""
    model = model_of(text)
    step = StepReport("")
    rewriter = Rewriter(model, step)

    def plan(weight: Weight) -> Plan:
        def new(label: str) -> Emission:
            return rewriter.emission(weight, label)

        found = choose.emissions(new, values, weight.name, choose.Limits(1000, 1e9))
        return Plan(weight, [e for e in found if e.label == label], must=True)

    rewriter.run(plan)
    assert [w.encoding for w in step.weights] == [label]
    return model


def with_values(text: str, array: np.ndarray) -> ModelProto:
    """Return the model with plain values in place of its zeros."""
    model = model_of(text)
    proto = inlined(model)
    for tensor in onnx_tensors(proto):
        if list(tensor.dims) == [K, N]:
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    return proto


def onnx_tensors(proto: ModelProto) -> list[TensorProto]:
    """Return all tensors of a model."""
    from lightweight_cli.model import tensors

    return list(tensors.tensors(proto))


def labels(values: Coded | Floats) -> list[str]:
    return [e.label for e in emissions(values, 17)]


CASES = [(place, name, label) for place in MODELS for name, values in new_values() for label in labels(values)]


@pytest.mark.parametrize("place,name,label", CASES)
def test_outputs_are_those_of_the_plain_weight(place: str, name: str, label: str) -> None:
    values = dict(new_values())[name]
    array = values.decode() if isinstance(values, Coded) else np.concatenate(list(values.parts)).reshape(K, N)
    model = stored_as(MODELS[place], values, label)
    proto, plain = inlined(model), with_values(MODELS[place], array)
    feeds = {v.name: FEEDS[v.name] for v in proto.graph.input}
    onnx.checker.check_model(proto, full_check=True)
    for level in (LEVELS.ORT_ENABLE_ALL, LEVELS.ORT_DISABLE_ALL):
        assert same(run(proto, feeds, level)[0], run(plain, feeds, level)[0])
    again = find_weights(model, Scopes(model.proto))
    assert [(w.shape, w.dtype) for w in again] == [((K, N), TensorProto.FLOAT)]
    assert same(again[0].read(0, again[0].size).reshape(K, N), array)


@pytest.mark.parametrize("level", [LEVELS.ORT_ENABLE_BASIC, LEVELS.ORT_ENABLE_ALL])
@pytest.mark.parametrize("place,name,label", CASES)
def test_no_decoding_is_left_at_run_time(place: str, name: str, label: str, level: LEVELS, tmp_path: Path) -> None:
    model = stored_as(MODELS[place], dict(new_values())[name], label)
    path = str(tmp_path / "optimised.onnx")
    session(inlined(model), level, path)
    left = {n.op_type for graph in graphs(onnx.load(path).graph) for n in graph.node}
    assert left <= {"MatMul", "Gemm", "Neg", "Add", "Sub", "If", "Loop", "Identity", "FusedGemm", "Transpose", "FusedMatMul"}, left


def graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """Return a graph and all within it."""
    inner = [a.g for n in graph.node for a in n.attribute if a.HasField("g")]
    return [graph, *(g for i in inner for g in graphs(i))]
