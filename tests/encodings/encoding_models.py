"""Weights placed in small models and read back through onnxruntime."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnx import ModelProto, TensorProto, helper, parser

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.model import tensors
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.naming import unused
from lightweight_cli.weights.placing import place, put_first

EVERYTHING = Limits(load_memory=1000, load_ns=1e9)
IR_VERSION = {7: 4, 8: 4, 11: 6, 13: 7, 17: 8, 21: 10, 25: 12}
"""An IR version that goes with each opset."""
LEVELS = ort.GraphOptimizationLevel


def text_type(dtype: int) -> str:
    """The name of a type in textual ONNX."""
    return {TensorProto.FLOAT: "float", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "double", TensorProto.BFLOAT16: "bfloat16"}[
        dtype
    ]


def model_of(text: str) -> Model:
    """Load textual ONNX as lwc does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        path.write_bytes(parser.parse_model(text).SerializeToString())
        return load(str(path))


def inlined(model: Model) -> ModelProto:
    """Return the model with all its bytes."""
    proto = ModelProto()
    proto.CopyFrom(model.proto)
    for tensor in tensors.tensors(proto):
        blob = model.blob(tensor)
        if blob is not None:
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
            tensor.raw_data = blob.bytes()
    return proto


def coded(codes: np.ndarray, shape: tuple[int, ...], **more: object) -> Coded:
    """Codes int8 or uint8 as a Coded that spans them."""
    low = int(codes.min(initial=0)) if codes.dtype == np.int8 else 0
    count = int(codes.max(initial=0)) - low + 1
    given = {
        "dtype": TensorProto.FLOAT,
        "groups": (1, codes.size, 1),
        "low": low,
        "count": count,
        "zero": 0,
        "zeros": int((codes == 0).sum()),
        **more,
    }
    return Coded(shape=shape, codes=Blob(codes.size, data=memoryview(codes.tobytes())), **given)  # type: ignore[arg-type]


def floats(values: np.ndarray) -> Floats:
    """Values as Floats, in two chunks."""
    flat = values.reshape(-1)
    cut = flat.size // 2 // 8 * 8
    zeros = int((flat.view(f"u{flat.itemsize}") == 0).sum())
    return Floats(values.shape, helper.np_dtype_to_tensor_dtype(values.dtype), [flat[:cut], flat[cut:]], zeros)


def emissions(values: Coded | Floats, opset: int, local: bool = False, limits: Limits = EVERYTHING) -> Iterator[Emission]:
    """Yield every way to store `values` as the weight W, sizes checked."""

    def new(label: str) -> Emission:
        return Emission(opset, local, label=label)

    yield from choose.emissions(new, values, "W", limits)


def put(model: Model, scope: Scope, scopes: Scopes, emission: Emission) -> None:
    """Place an emission at the head of a scope."""
    emission.realise(model)
    nodes = place(model, scope, scopes.main, emission, unused(Scopes(model.proto).names()))
    put_first(scope.graph, (), nodes)
    put_first(scopes.main.graph, emission.reads, ())


def alone(emission: Emission, shape: tuple[int, ...], dtype: int) -> ModelProto:
    """Return a model whose output is the weight W; of bfloat16, which numpy has not, its exact float32 values."""
    wide = dtype == TensorProto.BFLOAT16
    kind = text_type(TensorProto.FLOAT if wide else dtype) + (f"[{','.join(map(str, shape))}]" if shape else "")
    nodes = "V = Cast<to = 1>(W)" if wide else "y = Identity(x)"
    outputs = f"{kind} V" if wide else f"{kind} W, float[1] y"
    model = model_of(
        f'<ir_version: {IR_VERSION[emission.opset]}, opset_import: ["" : {emission.opset}]> g (float[1] x) => ({outputs}) {{ {nodes} }}'
    )
    scopes = Scopes(model.proto)
    before = inlined(model).graph.ByteSize()
    put(model, scopes.main, scopes, emission)
    proto = inlined(model)
    assert proto.graph.ByteSize() - before == emission.nbytes + sum(emission.shared_bytes().values()), emission.label
    return proto


def session(proto: ModelProto, level: LEVELS = LEVELS.ORT_ENABLE_ALL, optimised: str = "") -> ort.InferenceSession:
    """Open a model in onnxruntime on one thread."""
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if optimised:
        options.optimized_model_filepath = optimised
    return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(proto: ModelProto, feeds: dict[str, np.ndarray] | None = None, level: LEVELS = LEVELS.ORT_ENABLE_ALL) -> list[np.ndarray]:
    """Return the outputs in order."""
    return session(proto, level).run(None, feeds or {"x": np.zeros(1, np.float32)})


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays agree in type, shape and every bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
