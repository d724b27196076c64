"""Dynamic int8: MatMul and Gemm on activations that are rounded to 8 bits by what they are on each run.

    x, DynamicQuantizeLinear -> xq, xs, xz;  MatMulInteger(xq, q, xz), Cast, Mul(xs * s)     then the bias

onnxruntime makes one DynamicQuantizeMatMul, or MatMulIntegerToFloat, of the last four. Codes must be signed: unsigned ones take
twice as long. One DynamicQuantizeLinear serves all layers that read x.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper

from lightweight_cli.compute.dividing import divided
from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.integers import Integers, integers
from lightweight_cli.compute.layer import Key, Layer
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
    balance = {layer.key: factors for layer in layers if (factors := _factors(layer, seen)) is not None}
    readers: dict[str, set[int]] = {}
    for layer in layers:
        if layer.key in balance:
            readers.setdefault(layer.roles[0].node.input[0], set()).add(id(layer.roles[0].node))
    for value, nodes in readers.items():
        edit.made["balanced", value] = divided(edit, value, seen.balance[value], nodes)
    for layer in layers:
        _emit(edit, layer, reduced, balance.get(layer.key), seen.codes.get(layer.key))


def round_values(edit: Edit, layers: Sequence[Layer], seen: Seen) -> dict[Key, np.ndarray]:
    """Round what layers read; their weights stay. Returns: by what channels are divided before, of those that are balanced."""
    balance: dict[Key, np.ndarray] = {}
    for layer in layers:
        factors = _factors(layer, seen)
        if factors is not None:
            balance[layer.key] = factors
        for role in layer.roles:
            role.node.input[0] = _there_and_back(edit, role, factors)
    return balance


def _factors(layer: Layer, seen: Seen) -> np.ndarray | None:
    """Return by what the channels of the value that a layer of one use in the main graph reads are divided, if they are."""
    single = len(layer.roles) == 1 and not layer.roles[0].scope.number
    return seen.balance.get(layer.roles[0].node.input[0]) if single else None


def _there_and_back(edit: Edit, role: Role, factors: np.ndarray | None) -> str:
    """Return the name of what a node reads, rounded and back."""
    x = role.node.input[0]
    key = "rounded", id(role.scope), x, factors is not None
    if key not in edit.made:
        codes = [edit.name(f"{x}.{what}") for what in ("q", "s", "z")]
        names = [edit.name(f"{x}.{what}") for what in ("b", "d", "r")]
        nodes = [helper.make_node("DynamicQuantizeLinear", [x if factors is None else names[0]], codes),
                 helper.make_node("DequantizeLinear", codes, [names[1]])]
        if factors is not None:
            by = [edit.tensor(f"{x}.by", f.astype(np.float32)) for f in (1 / factors, factors)]
            nodes = [helper.make_node("Mul", [x, by[0]], [names[0]]), *nodes, helper.make_node("Mul", [names[1], by[1]], [names[2]])]
        edit.made[key] = names[1 if factors is None else 2]
        edit.where_known(role.scope, x, *nodes)
    return str(edit.made[key])


def _emit(edit: Edit, layer: Layer, reduced: bool, factors: np.ndarray | None, fitted: Integers | None) -> None:
    matrix = layer.matrix()[0]
    found = fitted or integers(matrix if factors is None else (matrix * factors).astype(np.float32), reduced)
    codes = edit.tensor(f"{layer.weight.name}.q", found.codes.T)
    scales: dict[float, str] = {}
    for role in layer.roles:
        alpha = factor(role.node, "alpha")
        if alpha not in scales:
            scales[alpha] = edit.tensor(f"{layer.weight.name}.s", found.scale * np.float32(alpha))
        x = role.node.input[0] if factors is None else edit.made["balanced", role.node.input[0]]
        edit.replace(role.scope, role.node, _nodes(edit, role, x, codes, scales[alpha]), role.node.input[role.index])


def _nodes(edit: Edit, role: Role, x: str, codes: str, scale: str) -> list[NodeProto]:
    node = role.node
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
