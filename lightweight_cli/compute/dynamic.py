"""Dynamic int8: MatMul and Gemm on activations that are rounded to 8 bits by what they are on each run.

    x, DynamicQuantizeLinear -> xq, xs, xz;  MatMulInteger(xq, q, xz), Cast, Mul(xs * s)     then the bias

onnxruntime makes one DynamicQuantizeMatMul, or MatMulIntegerToFloat, of the last four. Codes must be signed: unsigned ones take
twice as long. One DynamicQuantizeLinear serves all layers that read x.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper

from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.integers import Integers, integers
from lightweight_cli.compute.layer import Layer
from lightweight_cli.compute.seen import Seen
from lightweight_cli.weights.node_attributes import number
from lightweight_cli.weights.weight import Role

NAME = "dynamic int8"
OPSET = 11
NODES = 420
"""Bytes of the nodes around a layer, about."""


def unfit(layer: Layer) -> str:
    """Return why a layer can't be computed so, or nothing."""
    why = unfit_shape(layer)
    if why:
        return why
    _, outputs, inputs = layer.view.shape
    after, before = outputs * inputs + 4 * outputs + NODES, layer.weight.stored_bytes()
    return f"would not be smaller: {after:,} bytes in integers, {before:,} now" if after > before else ""


def unfit_shape(layer: Layer) -> str:
    """Return why a layer is no product of activations with one matrix, or nothing."""
    if layer.weight.op == "Conv":
        return "is a Conv's"
    if layer.view.shape[0] > 1 or len(layer.weight.shape) < 2:
        return "is not one matrix"
    return "its Gemm transposes the other operand" if any(number(r.node, "transA", 0) for r in layer.roles) else ""


def emit(edit: Edit, layers: Sequence[Layer], reduced: bool, seen: Seen) -> None:
    """Replace the operators of layers. Raises: ValueError for weights that are not finite."""
    for layer in layers:
        _emit(edit, layer, reduced, seen.codes.get(layer.key))


def round_values(edit: Edit, layers: Sequence[Layer]) -> None:
    """Round what layers read; their weights stay."""
    for layer in layers:
        for role in layer.roles:
            role.node.input[0] = _there_and_back(edit, role)


def _there_and_back(edit: Edit, role: Role) -> str:
    """Return the name of what a node reads, rounded and back."""
    x = role.node.input[0]
    key = "rounded", id(role.scope), x
    if key not in edit.made:
        codes = [edit.name(f"{x}.{what}") for what in ("q", "s", "z")]
        edit.made[key] = edit.name(f"{x}.d")
        edit.where_known(role.scope, x, helper.make_node("DynamicQuantizeLinear", [x], codes),
                         helper.make_node("DequantizeLinear", codes, [edit.made[key]]))
    return str(edit.made[key])


def _emit(edit: Edit, layer: Layer, reduced: bool, fitted: Integers | None) -> None:
    found = fitted or integers(layer.matrix()[0], reduced)
    codes = edit.tensor(f"{layer.weight.name}.q", found.codes.T)
    scales: dict[float, str] = {}
    for role in layer.roles:
        alpha = factor(role.node, "alpha")
        if alpha not in scales:
            scales[alpha] = edit.tensor(f"{layer.weight.name}.s", found.scale * np.float32(alpha))
        edit.replace(role.scope, role.node, _nodes(edit, role, codes, scales[alpha]), role.node.input[role.index])


def _nodes(edit: Edit, role: Role, codes: str, scale: str) -> list[NodeProto]:
    node, x = role.node, role.node.input[0]
    key = NAME, id(role.scope), x
    nodes: list[NodeProto] = []
    if key not in edit.made:
        edit.made[key] = tuple(edit.name(f"{x}.{what}") for what in ("q", "s", "z"))
        edit.where_known(role.scope, x, helper.make_node("DynamicQuantizeLinear", [x], edit.made[key]))
    xq, xs, xz = edit.made[key]
    y = node.output[0]
    product, cast, both = (edit.name(f"{y}.{what}") for what in ("i", "f", "s"))
    bias = bias_of(edit, node)
    out = edit.name(f"{y}.y") if bias else y
    nodes += [
        helper.make_node("MatMulInteger", [xq, codes, xz], [product], node.name),
        helper.make_node("Cast", [product], [cast], to=TensorProto.FLOAT),
        helper.make_node("Mul", [xs, scale], [both]),
        helper.make_node("Mul", [cast, both], [out]),
    ]
    if bias:
        nodes += [*bias[1], helper.make_node("Add", [out, bias[0]], [y])]
    return nodes


def bias_of(edit: Edit, node: NodeProto) -> tuple[str, list[NodeProto]] | None:
    """Return the third input of a Gemm, times beta, with the nodes that make it; None: there is none."""
    if node.op_type != "Gemm" or len(node.input) < 3 or not node.input[2]:
        return None
    beta = factor(node, "beta")
    if beta == 1:
        return node.input[2], []
    name = edit.name(f"{node.output[0]}.b")
    return name, [helper.make_node("Mul", [node.input[2], edit.tensor(f"{name}eta", np.array(beta, np.float32))], [name])]


def factor(node: NodeProto, name: str) -> float:
    """Return alpha or beta of a Gemm; 1 of a MatMul."""
    return next((a.f for a in node.attribute if a.name == name), 1.0) if node.op_type == "Gemm" else 1.0
