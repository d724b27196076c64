"""Constant nodes: what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import AttributeProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from onnx import NodeProto

LISTED = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}


def stored(node: NodeProto) -> TensorProto | None:
    """Return the tensor of a Constant node under its output's name, None for another node or a form that is none."""
    if node.op_type != "Constant" or node.domain not in ("", "ai.onnx") or len(node.attribute) != 1:
        return None
    attribute = node.attribute[0]
    tensor = TensorProto()
    if attribute.name == "value" and attribute.type == AttributeProto.TENSOR:
        tensor.CopyFrom(attribute.t)
    elif attribute.name in LISTED:
        tensor = numpy_helper.from_array(np.array(helper.get_attribute_value(attribute), LISTED[attribute.name]))
    else:
        return None
    tensor.name = node.output[0]
    return tensor
