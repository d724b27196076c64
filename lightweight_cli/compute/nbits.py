"""MatMulNBits: products with weights of 4 or 8 bits in blocks, activations rounded to 8 bits as they come: for a row at a time.

    y = MatMulNBits(x, B [outputs, blocks, bytes], scale [outputs x blocks])        w = (code - 2^(bits-1)) * scale

Weights stay that small in memory. On AVX2, of float32: one row 2.5 to 4.3 times as fast, 128 rows .8 to 1.2 times. Accuracy level 4
always: without it 8 bits take 30 times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from onnx import NodeProto, helper

from lightweight_cli.compute import dynamic
from lightweight_cli.compute.edit import MICROSOFT, Edit
from lightweight_cli.compute.layer import Layer
from lightweight_cli.weights.weight import Role

OPSET = 7
BLOCKS = {4: 32, 8: 128}
"""Weights that share a scale, along the inputs."""
NAMES = {bits: f"MatMulNBits {bits}" for bits in BLOCKS}
ACCURACY = 4


def unfit(layer: Layer, bits: int) -> str:
    """Return why a layer can't be computed so, or nothing."""
    why = dynamic.unfit_shape(layer)
    if why:
        return why
    _, outputs, inputs = layer.view.shape
    blocks = -(-inputs // BLOCKS[bits])
    after, before = outputs * blocks * (BLOCKS[bits] * bits // 8 + 4) + dynamic.NODES, layer.weight.stored_bytes()
    return f"would not be smaller: {after:,} bytes in {bits} bits, {before:,} now" if after > before else ""


def blocked(matrix: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return codes [outputs, blocks, bytes] and scales [outputs, blocks] of a matrix [outputs, inputs].

    A block's largest magnitude is its lowest code exactly. Raises: ValueError for weights that are not finite.
    """
    if not np.isfinite(matrix).all():
        raise ValueError("weights are not finite")
    size, half = BLOCKS[bits], 1 << (bits - 1)
    outputs, inputs = matrix.shape
    padded = np.zeros((outputs, -(-inputs // size) * size), np.float32)
    padded[:, :inputs] = matrix
    blocks = padded.reshape(outputs, -1, size)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(2)[..., None], 2)[..., 0]
    scale = (extreme / -half).astype(np.float32)
    safe = np.where(scale == 0, np.float32(1), scale)
    codes = np.clip(np.rint(blocks / safe[..., None]) + half, 0, 2 * half - 1).astype(np.uint8)
    packed = codes if bits == 8 else codes[..., 0::2] | codes[..., 1::2] << 4
    return packed, scale


def emit(edit: Edit, layers: Sequence[Layer], reduced: bool, seen: object, bits: int) -> None:
    """Replace the operators of layers. Raises: ValueError for weights that are not finite."""
    for layer in layers:
        packed, scale = blocked(layer.matrix()[0], bits)
        codes = edit.tensor(f"{layer.weight.name}.q", packed)
        for role in layer.roles:
            alpha = dynamic.factor(role.node, "alpha")
            scales = edit.tensor(f"{layer.weight.name}.s", (scale * np.float32(alpha)).reshape(-1))
            edit.replace(role.scope, role.node, _nodes(edit, role, layer, [codes, scales], bits), role.node.input[role.index])


def _nodes(edit: Edit, role: Role, layer: Layer, weight: list[str], bits: int) -> list[NodeProto]:
    node, (_, outputs, inputs) = role.node, layer.view.shape
    bias = dynamic.bias_of(edit, node)
    out = edit.name(f"{node.output[0]}.y") if bias else node.output[0]
    made = [helper.make_node("MatMulNBits", [node.input[0], *weight], [out], node.name, domain=MICROSOFT, K=inputs, N=outputs,
                             bits=bits, block_size=BLOCKS[bits], accuracy_level=ACCURACY)]
    return made if bias is None else [*made, *bias[1], helper.make_node("Add", [out, bias[0]], [node.output[0]])]


UNFIT = {bits: partial(unfit, bits=bits) for bits in BLOCKS}
EMIT = {bits: partial(emit, bits=bits) for bits in BLOCKS}
