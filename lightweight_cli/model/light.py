"""A copy of a model to infer shapes in, without the numbers that no shape is made of."""

from __future__ import annotations

from onnx import ModelProto, TensorProto, helper

from lightweight_cli.model.tensors import size_of

READ = 1024
"""Elements up to which a constant may be a shape, or a part of one. onnx's data propagation copies every constant of integers that it is
shown, as dimensions of 50 bytes each: codes of a model of 90 MB took 6 GB. It makes up as many for an input of one axis whose length it
knows: 2.5 GB for codes of 8 million weights. That length is left open here; decoding ends in a Reshape that names the shape."""


def light_copy(proto: ModelProto, read: int = READ) -> ModelProto:
    """Return a copy in which larger initializers of the main graph, and those in other files, are inputs behind the model's own."""
    light = ModelProto()
    light.CopyFrom(proto)
    del light.graph.initializer[:]
    listed = {v.name for v in light.graph.input}
    for tensor in proto.graph.initializer:
        if size_of(tensor) <= read and tensor.data_location != TensorProto.EXTERNAL:
            light.graph.initializer.append(tensor)
        elif tensor.name not in listed:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, _dims(tensor)))
    return light


def _dims(tensor: TensorProto) -> list[int | None]:
    """Return the shape that is told of a constant whose numbers are not."""
    floating = tensor.data_type in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    return list(tensor.dims) if floating or len(tensor.dims) != 1 else [None]
