"""Weights that share a tree are rows of their own, each with its part of the bytes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper, parser

from lightweight_cli.inspect import report_dict


def test_each_weight_of_a_bundle_is_a_row(save, apply):
    shapes = {"A": (16, 40), "B": (40, 24), "C": (24, 30), "D": (30, 16)}
    declared = ", ".join(f"float[{r},{c}] {n}" for n, (r, c) in shapes.items())
    proto = parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]> g (float[2,16] x) => (float[2,16] y) <{declared}>
        {{ a = MatMul (x, A) b = MatMul (a, B) c = MatMul (b, C) y = MatMul (c, D) }}""")
    del proto.graph.value_info[:]
    random = np.random.default_rng(4)
    for name, shape in shapes.items():
        proto.graph.initializer.append(numpy_helper.from_array(random.normal(size=shape).astype("f4"), name))
    done = apply(save(proto), "quantize:bits=2,granularity=tensor,method=nearest,keep=0")
    assert set(done.encodings.values()) == {"bundle + packed"}
    document = report_dict(done.path)
    rows = {row["name"]: row for row in document["tensors"] if row["name"] in shapes}
    assert {n: tuple(r["shape"]) for n, r in rows.items()} == shapes and document["parameters"] == sum(a * b for a, b in shapes.values())
    told = {(*r["decoded_by"], *r["used_by"], r["encoding"]) for r in rows.values()}
    assert told == {("Split", "Reshape", "Mul", "MatMul", "table uint8")}
    payload = sum(r["bytes"] for r in rows.values())
    assert sum(a * b for a, b in shapes.values()) / 5 <= payload < 700
    assert abs(rows["A"]["bytes"] / rows["B"]["bytes"] - 640 / 960) < 0.05
    tensors = onnx.load(done.path).graph.initializer
    stored = sum(len(t.raw_data) or onnx.TensorProto(int64_data=t.int64_data).ByteSize() - 2 for t in tensors)
    assert sum(row["bytes"] for row in document["tensors"]) == stored
