"""The proof of a rule: what it writes agrees with central differences in float64."""

from __future__ import annotations

import re

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxruntime.capi import onnxruntime_pybind11_state as state
from onnxruntime_limits import OLDER, shape_made

from lightweight_cli.gradients import differentiate, gradient_name

STEP = 1e-5
TAKEN = 6
"""Elements of each weight that are moved one by one; a random direction moves all of them."""


def model(declared: str, body: str, opset: int = 18, inputs: str = "", double: bool = False, seed: int = 0) -> ModelProto:
    """Return a model with the output y; weights that are declared without values are random."""
    domains = ', "com.microsoft" : 1' if "com.microsoft" in body else ""
    text = f'<ir_version: 8, opset_import: ["" : {opset}{domains}]> g ({inputs}) => (float y) <{declared}> {{ {body} }}'
    if double:
        text = re.sub(r"\bfloat\b(?!\S* scales)", "double", text)
    proto = onnx.parser.parse_model(text)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    made = {o for n in proto.graph.node for o in n.output} | {t.name for t in proto.graph.initializer} | {v.name for v in proto.graph.input}
    random = np.random.default_rng(seed)
    for info in [i for i in proto.graph.value_info if i.name not in made]:
        tensor = info.type.tensor_type
        shape = [d.dim_value for d in tensor.shape.dim]
        values = np.array(random.normal(size=shape))
        values = np.abs(values) + 0.2 if info.name.startswith("pos") else values
        proto.graph.initializer.append(
            numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), info.name))
    del proto.graph.value_info[:]
    return proto


def with_loss(proto: ModelProto, shape: tuple[int, ...], value: str = "y") -> ModelProto:
    """Append loss = sum of y times what the input `weights of y` says."""
    kind = next((t.data_type for t in proto.graph.initializer if t.data_type in (1, 11) and t.name != "scales"), TensorProto.FLOAT)
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    result.graph.input.append(helper.make_tensor_value_info("weights of y", kind, shape))
    result.graph.node.extend([helper.make_node("Mul", [value, "weights of y"], ["weighted"]),
                              helper.make_node("ReduceSum", ["weighted"], ["loss"], keepdims=0)])
    return result


def runner(proto: ModelProto, exact: bool = False):
    """Return a function from feeds to outputs: onnxruntime, or onnx's reference where onnxruntime has no kernel in float64."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:
        if not exact:
            raise
        reference = ReferenceEvaluator(proto)
        return lambda feeds: [np.asarray(v, np.float64) for v in reference.run(None, feeds)]
    return lambda feeds: session.run(None, feeds)


def agree(declared: str, body: str, opset: int = 18, inputs: str = "", feeds: dict | None = None, wrt: list[str] | None = None,
          seed: int = 0, tolerance: float = 0.0, static: bool = False, single: bool = False, step: float = STEP) -> None:
    """Assert that gradients by all weights agree with central differences.

    `single`: in float32, for what runs in no other; `step`: larger for what is calculated in float32 in any case, and without harm
    for what is linear in each weight; `static`: sizes must be known.
    """
    narrow, wide = (model(declared, body, opset, inputs, double, seed) for double in (False, not single))
    kind = np.float32 if single else np.float64
    weights = {t.name: numpy_helper.to_array(t) for t in wide.graph.initializer if t.data_type in (1, 11)}
    weights = {k: v for k, v in weights.items() if (k in wrt if wrt is not None else not k.startswith(("fixed", "scales")))}
    wide_feeds = {k: v.astype(kind) if v.dtype == np.float32 else v for k, v in (feeds or {}).items()}
    coarse = step > STEP
    forward = onnx.ModelProto()
    forward.CopyFrom(wide)
    kept = [t for t in wide.graph.initializer if t.name not in weights]
    del forward.graph.initializer[:]
    forward.graph.initializer.extend(kept)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    forward.graph.input.extend(helper.make_tensor_value_info(k, element, v.shape) for k, v in weights.items())
    run = runner(forward, exact=True)
    if OLDER and (made := shape_made(narrow, feeds or {})) is None:
        pytest.skip("this onnxruntime does not run the model itself")
    y = run({**wide_feeds, **weights})[0]
    if OLDER and y.shape != made:
        pytest.skip("this onnx has a reference that disagrees with onnxruntime")
    random = np.random.default_rng(seed + 1)
    share = np.array(random.normal(size=y.shape)).astype(kind)

    def loss(name: str, moved: np.ndarray) -> float:
        return float((run({**wide_feeds, **weights, name: np.asarray(moved, kind)})[0] * share).sum(dtype=np.float64))

    def rise(name: str, value: np.ndarray, by: np.ndarray) -> float:
        return (loss(name, np.asarray(value + by)) - loss(name, np.asarray(value - by))) / 2

    try:
        write = runner(differentiate(with_loss(wide, y.shape), "loss", list(weights)))
        found = write({**wide_feeds, **weights, "weights of y": share})
        limit = tolerance or (2e-6 if not coarse else 2e-5)
    except (state.NotImplemented, state.InvalidGraph):
        write = runner(differentiate(with_loss(narrow, y.shape), "loss", list(weights)))
        found = write({**(feeds or {}), **{k: v.astype(np.float32) for k, v in {**weights, "weights of y": share}.items()}})
        limit = tolerance or 2e-4
    for gradient, (name, value) in zip(found[2:], weights.items(), strict=True):
        assert gradient.shape == value.shape, name
        size = max(float(np.abs(gradient).max(initial=0)), 1.0)
        ways = [np.eye(1, value.size, k).reshape(value.shape) for k in random.choice(value.size, min(TAKEN, value.size), False)]
        for way in [*ways, random.normal(size=value.shape)]:
            slope = rise(name, value, step * way) / step
            if coarse:  # the error of second order is taken away
                slope = (4 * rise(name, value, step / 2 * way) / (step / 2) - slope) / 3
            reach = size * max(float(np.abs(way).sum()) ** 0.5, 1.0)
            assert abs(slope - float((gradient * way).sum())) < limit * reach, (name, slope, float((gradient * way).sum()), way)
    assert gradient_name("w") == "gradient(w)"
