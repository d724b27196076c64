"""Static int8: QuantizeLinear and DequantizeLinear around what onnxruntime then computes on integers, with ranges found beforehand.

    x, QuantizeLinear, DequantizeLinear -> Conv(., DequantizeLinear(q, s, 0), DequantizeLinear(bias)) -> QuantizeLinear, DequantizeLinear

becomes QLinearConv. Activations are uint8 with a zero point, weights int8 with a scale for each output, biases int32 in units of
both scales. Where a Relu, or a Clip from 0, follows, the range begins at 0 and cuts what it would: it goes. Residual Add, Concat and
pooling between such layers stay in integers too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import NodeProto, helper

from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.integers import FULL, TINY, Integers, integers
from lightweight_cli.compute.layer import Layer
from lightweight_cli.compute.region import Region, region
from lightweight_cli.compute.seen import Seen
from lightweight_cli.numerics.spread import affine
from lightweight_cli.weights import constants
from lightweight_cli.weights.node_attributes import number

NAME, OPERATORS, SYMMETRIC = "static int8", "static int8 operators", "static int8 symmetric"
NAMES = NAME, OPERATORS, SYMMETRIC
"""As standard operators between QuantizeLinear and DequantizeLinear; as operators on integers, which operators.py makes of those; and
for places where zero has the code 0: activations are int8, functions and biases stay what they are."""
OPSET = 13
NODES = 700
"""Bytes of the nodes around a layer, about."""
SMALL = 4096
"""Values up to which a layer may take more bytes: between others, floats would cost more time."""
LARGEST = 2**31 - 1


def unfit(layer: Layer) -> str:
    """Return why a layer can't be computed so, or nothing."""
    groups, outputs, inputs = layer.view.shape
    if len(layer.roles) > 1:
        return "is used more than once"
    role = layer.roles[0]
    if role.scope.number or layer.weight.scope.number:
        return "is in a graph within"
    if role.op != "Conv" and (groups > 1 or len(layer.weight.shape) < 2):
        return "is not one matrix"
    if role.op == "Conv" and role.path:
        return "is moved on its way to its Conv"
    if role.op == "Gemm" and (number(role.node, "transA", 0) or any(a.f != 1 for a in role.node.attribute if a.name in ("alpha", "beta"))):
        return "its Gemm scales or transposes"
    if any(u.node.op_type == "BatchNormalization" for u in role.scope.uses.get(role.node.output[0], ())):
        return "is followed by BatchNormalization, which fold takes in"
    bias = role.node.input[2] if len(role.node.input) > 2 else ""
    if bias and constants.leaf(role.scope, bias) is None:
        return "its bias is computed"
    after, before = groups * outputs * (inputs + 8) + NODES, layer.weight.stored_bytes()
    if layer.weight.size < SMALL or after <= before:
        return ""
    return f"would not be smaller: {after:,} bytes in integers, {before:,} now"


def values_of(edit: Edit, layers: Sequence[Layer]) -> list[str]:
    """Return the values whose ranges must be known."""
    found = region(edit.model, edit.scopes.main, [layer.roles[0].node for layer in layers])
    return [v for v in found.values if v not in found.same]


def emit(edit: Edit, layers: Sequence[Layer], reduced: bool, seen: Seen, symmetric: bool = False) -> None:
    """Put layers of the main graph, and what is between them, into integers. Raises: ValueError for weights that are not finite."""
    found, scales = _scales(edit, layers, seen, symmetric)
    for layer in layers:
        _weights(edit, layer, reduced, None if symmetric else scales[layer.roles[0].node.input[0]][2], seen.codes.get(layer.key))
    _round(edit, found, scales, symmetric)


def round_values(edit: Edit, layers: Sequence[Layer], seen: Seen, symmetric: bool) -> None:
    """Round what layers read and write, and what is between them; their weights stay."""
    found, scales = _scales(edit, layers, seen, symmetric)
    _round(edit, found, scales, symmetric)


Scales = dict[str, tuple[str, str, float]]
"""By value: the tensors of its scale and zero point, and the scale."""


def _scales(edit: Edit, layers: Sequence[Layer], seen: Seen, symmetric: bool) -> tuple[Region, Scales]:
    """Return the region around layers, with tensors for its values' scales."""
    found = region(edit.model, edit.scopes.main, [layer.roles[0].node for layer in layers])
    scales: Scales = {}
    for value in found.values:
        if value in found.same and found.same[value] in scales:
            scales[value] = scales[found.same[value]]
            continue
        low, high = seen.ranges[value]
        if symmetric:
            scale, zero = max(-low, high, float(TINY)) / FULL, np.array(0, np.int8)
        else:
            scale, number = affine(0.0 if value in found.cut else low, high)
            zero = np.array(number, np.uint8)
        names = edit.tensor(f"{value}.s", np.array(scale, np.float32)), edit.tensor(f"{value}.z", zero)
        scales[value] = *names, float(np.float32(scale))
    return found, scales


def _round(edit: Edit, found: Region, scales: Scales, symmetric: bool) -> None:
    for value in found.values:
        _rounded(edit, value, scales[value][:2], None if symmetric else found.cut.get(value))


def _weights(edit: Edit, layer: Layer, reduced: bool, scale: float | None, fitted: Integers | None) -> None:
    """Let a node read its weight and bias from integers; without the `scale` of what it multiplies, the bias stays."""
    node, main = layer.roles[0].node, edit.scopes.main
    groups, outputs, inputs = layer.view.shape
    made = fitted or integers(layer.matrix().reshape(groups * outputs, inputs), reduced)
    name = layer.weight.name
    if node.op_type == "Conv":
        codes, axis = made.codes.reshape(layer.weight.shape), 0
    else:
        codes, axis = np.ascontiguousarray(made.codes.T), 1
    edit.release(main, node.input[1])
    scales = made.scale
    if scale is not None and len(node.input) > 2 and node.input[2]:
        tensor = constants.leaf(main, node.input[2])
        assert tensor is not None
        bias = np.broadcast_to(edit.model.array(tensor).astype(np.float64).reshape(-1), scales.shape)
        units = scales.astype(np.float64) * scale
        scales = np.where(np.abs(bias) / units > LARGEST, np.abs(bias) / LARGEST / scale, scales).astype(np.float32)
        if (scales != made.scale).any():  # a bias that no int32 holds: coarser weights of an output that hardly has any
            codes = (np.rint(codes * (made.scale / scales).reshape(_along(codes, axis)))).astype(np.int8)
        units = scales.astype(np.float64) * scale
        edit.release(main, node.input[2])
        rounded = np.rint(bias / units).astype(np.int32)
        node.input[2] = _dequantized(edit, f"{node.output[0]}.bias", rounded, units.astype(np.float32), 0)
    node.input[1] = _dequantized(edit, name, codes, scales, axis, reduced)
    if node.op_type == "Gemm":
        for attribute in [a for a in node.attribute if a.name == "transB"]:
            node.attribute.remove(attribute)


def _along(codes: np.ndarray, axis: int) -> list[int]:
    return [-1 if i == axis else 1 for i in range(codes.ndim)]


def _dequantized(edit: Edit, name: str, codes: np.ndarray, scale: np.ndarray, axis: int, shared: bool = True) -> str:
    """Add integers and their DequantizeLinear, with zero points of 0: without them no QGemm is made. Returns: the name of the result.

    Zero points of 8-bit weights are not shared: onnxruntime does not load that where it adds up exactly on AVX2.
    """
    out, kind = edit.name(f"{name}.d"), (NAME, codes.dtype.str, scale.size, shared or name)
    if kind not in edit.made:
        edit.made[kind] = edit.tensor(f"zeros.{codes.dtype}.{scale.size}", np.zeros(scale.shape, codes.dtype))
    given = [edit.tensor(f"{name}.q", codes), edit.tensor(f"{name}.s", scale), edit.made[kind]]
    edit.first(helper.make_node("DequantizeLinear", given, [out], axis=axis))
    edit.tensors.add(out)
    return out


def _rounded(edit: Edit, value: str, parameters: tuple[str, str], cut: tuple[NodeProto, NodeProto] | None) -> None:
    """Put QuantizeLinear and DequantizeLinear behind a value; `cut`: what computes it, and the function that goes."""
    main, source = edit.scopes.main, value
    outside = value in main.outputs
    after = value if outside else edit.name(f"{value}.d")
    for use in main.uses.get(value, []):
        if use.scope is main and not outside:
            use.node.input[use.index] = after
    if outside or cut is not None:
        source = edit.name(f"{value}.f")
        maker = cut[0] if cut is not None else main.producers.get(value)
        assert maker is not None
        maker.output[list(maker.output).index(cut[1].input[0] if cut is not None else value)] = source
    if cut is not None:
        edit.replace(main, cut[1], [], "")
    codes = edit.name(f"{value}.q")
    edit.where_known(main, value, helper.make_node("QuantizeLinear", [source, *parameters], [codes]),
                     helper.make_node("DequantizeLinear", [codes, *parameters], [after]))
    edit.same_place[after] = value
