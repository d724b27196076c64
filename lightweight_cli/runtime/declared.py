"""The interface that a model file declares, read without opening it in onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.runtime.sessions import Dim, Interface, Port

if TYPE_CHECKING:
    from onnx import ModelProto, TypeProto, ValueInfoProto

ELEMENTS = {1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool", 10: "float16",
            11: "double", 12: "uint32", 13: "uint64", 16: "bfloat16"}
"""TensorProto data types, as onnxruntime names them."""


def declared(proto: ModelProto) -> Interface:
    """Return inputs and outputs in the words of onnxruntime; where that infers a shape, this has what is declared."""
    stored = {t.name for t in proto.graph.initializer}
    inputs = tuple(_port(v) for v in proto.graph.input if v.name not in stored)
    overridable = tuple(_port(v) for v in proto.graph.input if v.name in stored) if proto.ir_version >= 4 else ()
    return Interface(inputs, tuple(_port(v) for v in proto.graph.output), overridable)


def _port(value: ValueInfoProto) -> Port:
    return Port(value.name, _type(value.type), _shape(value.type))


def _type(kind: TypeProto) -> str:
    if kind.HasField("sequence_type"):
        return f"seq({_type(kind.sequence_type.elem_type)})"
    if kind.HasField("optional_type"):
        return f"optional({_type(kind.optional_type.elem_type)})"
    return f"tensor({ELEMENTS.get(kind.tensor_type.elem_type, str(kind.tensor_type.elem_type))})"


def _shape(kind: TypeProto) -> tuple[Dim, ...]:
    if not kind.HasField("tensor_type"):
        return ()
    return tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in kind.tensor_type.shape.dim)
