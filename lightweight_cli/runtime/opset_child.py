"""onnx's version converter, and shape inference on both sides of it; runs in a process of its own."""

from __future__ import annotations

import sys

from onnx import ModelProto, TensorProto, ValueInfoProto, helper, shape_inference, version_converter

from lightweight_cli.runtime.confined import confine

PAYLOAD = ("data_type", "dims", "external_data", "raw_data", "float_data", "int32_data", "int64_data", "double_data")


class NotConverted(Exception):
    """A model that must keep its opset; says why."""


def main(minimum: int) -> None:
    """Read a skeleton from standard input; write "+" and the converted one, or "-" and why there is none."""
    confine()
    old = ModelProto.FromString(sys.stdin.buffer.read())
    try:
        said = b"+" + converted(old, minimum).SerializeToString(deterministic=True)
    except NotConverted as e:
        said = b"-" + str(e).encode("utf-8", "replace")
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()


def converted(old: ModelProto, minimum: int) -> ModelProto:
    """Return a copy with the converter's nodes and constants, all else as it was. Raises: NotConverted."""
    try:
        new = version_converter.convert_version(old, minimum)
    except Exception as e:  # the converter's exceptions have no common class
        raise NotConverted(f"onnx's converter says: {last_line(e)}") from e
    kept = {t.name: t for t in new.graph.initializer}
    for tensor in old.graph.initializer:
        if tensor.name not in kept or not same_payload(tensor, kept[tensor.name]):
            raise NotConverted(f"onnx's converter changed {tensor.name}")
    candidate = ModelProto()
    candidate.CopyFrom(old)
    del candidate.graph.node[:]
    candidate.graph.node.extend(new.graph.node)
    known = {t.name for t in old.graph.initializer}
    candidate.graph.initializer.extend(t for t in new.graph.initializer if t.name not in known)
    set_versions(candidate, minimum)
    try:
        same = inferred(old) == inferred(candidate)
    except Exception as e:  # shape inference raises more than its InferenceError
        raise NotConverted(f"shape inference fails: {last_line(e)}") from e
    if not same:
        raise NotConverted("the shapes of its outputs would change")
    return candidate


def set_versions(proto: ModelProto, minimum: int) -> None:
    """Set the opset, and the oldest IR version that goes with it."""
    for entry in proto.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = minimum
    if proto.ir_version < 4:  # every initializer had to be listed as an input
        names = {t.name for t in proto.graph.initializer}
        public = [v for v in proto.graph.input if v.name not in names]
        del proto.graph.input[:]
        proto.graph.input.extend(public)
    proto.ir_version = max(proto.ir_version, 4, helper.find_min_ir_version_for([helper.make_opsetid("", minimum)]))


def same_payload(a: TensorProto, b: TensorProto) -> bool:
    """Whether two tensors agree in type, shape and where their bytes are."""
    return all(getattr(a, name) == getattr(b, name) for name in PAYLOAD)


def inferred(proto: ModelProto) -> list[ValueInfoProto]:
    """Return what shape inference alone says of the outputs."""
    bare = ModelProto()
    bare.CopyFrom(proto)
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    return list(shape_inference.infer_shapes(bare, strict_mode=True).graph.output)


def last_line(error: Exception) -> str:
    """Return the last line of an exception's text, or its class."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
