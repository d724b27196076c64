"""DynamicQuantizeLSTM: both weights of an LSTM as int8, its inputs and hidden state rounded to 8 bits at each step.

    y = DynamicQuantizeLSTM(x, W [directions, inputs, 4 hidden], R [directions, hidden, 4 hidden], ..., scales and zero points of both)

Of float32, AVX2, one thread, 64, 128, 256 and 512 hidden: one step of a row 1.0, 1.2, 1.8 and 4.4 times as fast, 32 steps 1.3, 1.7,
3.2 and 3.1 times, 32 steps of 16 rows 1.2, 1.4, 1.7 and 2.2 times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightweight_cli.compute.edit import MICROSOFT, Edit, copy_of
from lightweight_cli.compute.integers import integers
from lightweight_cli.compute.layer import Layer
from lightweight_cli.weights.node_attributes import number

NAME = "dynamic int8 LSTM"
OPERATOR = "DynamicQuantizeLSTM"
OPSET = 7
PEEPHOLES = 7
"""The input that couples gates to cells; before it are those of LSTM, behind it scales and zero points."""
NODES = 500
"""Bytes of the nodes around a layer, about."""


def unfit(layer: Layer) -> str:
    """Return why a layer can't be computed so, or nothing."""
    for node in (role.node for role in layer.roles):
        if number(node, "layout", 0):
            return "its LSTM has the batch first"
        if len(node.input) > PEEPHOLES and node.input[PEEPHOLES]:
            return "its LSTM has peepholes"
    after = NODES + sum(directions * outputs * (inputs + 5) for directions, outputs, inputs in (view.shape for _, view in layer.parts))
    before = sum(weight.stored_bytes() for weight, _ in layer.parts)
    return f"would not be smaller: {after:,} bytes in integers, {before:,} now" if after > before else ""


def emit(edit: Edit, layers: Sequence[Layer], reduced: bool, seen: object = None) -> None:
    """Replace the operators of layers. Raises: ValueError for weights that are not finite."""
    for layer in layers:
        codes, scales = [], []
        for (weight, _), matrix in zip(layer.parts, layer.matrices(), strict=True):
            made = [integers(one, reduced) for one in matrix]
            scale = np.stack([one.scale for one in made])
            codes.append(edit.tensor(f"{weight.name}.q", np.stack([one.codes.T for one in made])))
            scales += [edit.tensor(f"{weight.name}.s", scale), edit.tensor(f"{weight.name}.z", np.zeros(scale.shape, np.int8))]
        for role in layer.roles:
            node, given = copy_of(role.node), list(role.node.input)
            for name in given[1:3]:
                edit.release(role.scope, name)
            given += [""] * (PEEPHOLES + 1 - len(given))
            node.op_type, node.domain = OPERATOR, MICROSOFT
            del node.input[:]
            node.input.extend([given[0], *codes, *given[3:], *scales])
            edit.replace(role.scope, role.node, [node], "")
