"""One weight in every storage encoding, as models that anyone's runtime can be tried on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from onnx import ModelProto, TensorProto, helper, parser

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.model import wire
from lightweight_cli.model.blobs import Blob, Source
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import write_pieces
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.naming import unused
from lightweight_cli.weights.placing import place, put_first

UNBOUNDED = Limits(load_memory=1000, load_ns=1e9)
CHUNK = 1 << 20
BLOCK = 32
Values = Coded | Floats | Vectors


class Case(NamedTuple):
    """A weight [rows, rows] to be stored in one layout."""

    name: str
    label: str
    make: Callable[[int], Values]
    opset: int = 13


def cases() -> list[Case]:
    """Every encoding, with Gaussian weights; sparse ones with a share of zeros."""
    return [
        Case("float32", "float", as_floats),
        Case("float16", "float16", lambda rows: as_floats(rows, np.float16)),
        Case("bfloat16", "bfloat16", as_bfloat16),
        Case("affine int8, per channel", "packed", lambda rows: integers(rows, 127)),
        Case("affine uint8, zero points", "packed", asymmetric),
        Case("INT4 type, blocks of 32", "int4", lambda rows: integers(rows, 7, BLOCK), 21),
        Case("codebook of 256", "packed", lambda rows: codebook(rows, 256)),
        Case("table, 16 levels, blocks of 32", "packed", lambda rows: integers(rows, 7, BLOCK)),
        Case("table, codebook of 16", "packed", lambda rows: codebook(rows, 16)),
        Case("table, 6 levels", "packed", lambda rows: codebook(rows, 6)),
        Case("table, 4 levels", "packed", lambda rows: codebook(rows, 4)),
        Case("table, 3 levels", "packed", lambda rows: integers(rows, 1)),
        Case("table, 2 levels", "packed", lambda rows: codebook(rows, 2)),
        Case("planes, 3 bits", "planes", lambda rows: codebook(rows, 8)),
        Case("planes, 5 bits", "planes", lambda rows: integers(rows, 15)),
        Case("planes, 5 bits, codebook", "planes", lambda rows: codebook(rows, 32)),
        Case("planes, 6 bits", "planes", lambda rows: integers(rows, 31)),
        Case("planes, 7 bits", "planes", lambda rows: integers(rows, 63)),
        Case("bitmask, 70 % zeros, float32", "bitmask", lambda rows: as_floats(rows, np.float32, 0.7)),
        Case("bitmask, 70 % zeros, float16", "bitmask + float16", lambda rows: as_floats(rows, np.float16, 0.7)),
        Case("tree of 1 split, 70 % zeros, int8", "tree of 1", lambda rows: integers(rows, 127, zeros=0.7)),
        Case("tree of 1 split, 70 % zeros, 4 bits", "tree of 1", lambda rows: integers(rows, 7, zeros=0.7)),
        *(Case(f"tree of {n} split{'s' * (n > 1)}, 4-bit codes", f"tree of {n}", lambda rows: integers(rows, 7)) for n in range(1, 5)),
        Case("delta, 90 % zeros, float32", "delta", lambda rows: as_floats(rows, np.float32, 0.9)),
        Case("delta, 90 % zeros, 4 bits", "delta + packed", lambda rows: integers(rows, 7, zeros=0.9)),
        Case("vectors, 256 x 4", "vectors + packed", lambda rows: vectors(rows, 256)),
        Case("vectors, 16 x 4", "vectors + packed", lambda rows: vectors(rows, 16)),
    ]


def gaussian(rows: int, zeros: float = 0.0) -> np.ndarray:
    """Weights [rows, rows] float32, a share of which is zero."""
    random = np.random.default_rng(0)
    values = random.standard_normal((rows, rows), np.float32) * np.float32(0.05)
    if zeros:
        values[random.random((rows, rows), np.float32) < zeros] = 0
    return values


def as_floats(rows: int, kind: type = np.float32, zeros: float = 0.0) -> Floats:
    """float32 weights whose values fit a type."""
    flat = gaussian(rows, zeros).astype(kind).astype(np.float32).reshape(-1)
    parts = [flat[i : i + CHUNK] for i in range(0, flat.size, CHUNK)]
    return Floats((rows, rows), TensorProto.FLOAT, parts, flat.size - int(np.count_nonzero(flat.view(np.uint32))))


def as_bfloat16(rows: int) -> Floats:
    """float32 weights whose lower halves are zero."""
    values = as_floats(rows)
    for part in values.parts:
        part.view(np.uint32)[:] &= 0xFFFF_0000
    return values


def blob(codes: np.ndarray) -> Blob:
    """Codes as a payload in memory."""
    return Blob(codes.size, data=codes.reshape(-1).view(np.uint8).data)


def integers(rows: int, most: int, block: int = 0, zeros: float = 0.0) -> Coded:
    """Symmetric integers up to `most`, a scale for each output channel, or for each block of inputs."""
    groups = (rows // block, block, rows) if block else (1, rows, rows)
    values = gaussian(rows, zeros).reshape(groups)
    scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-9) / np.float32(most)
    codes = np.rint(values / scale).astype(np.int8)
    return Coded((rows, rows), TensorProto.FLOAT, groups, blob(codes), -most, 2 * most + 1, codes.size - int(np.count_nonzero(codes)),
                 scale=scale.astype(np.float16 if block else np.float32))


def asymmetric(rows: int) -> Coded:
    """Unsigned integers with a scale and a zero point for each output channel."""
    codes = np.random.default_rng(0).integers(0, 256, (rows, rows), np.uint8)
    zero_point = np.full((1, 1, rows), 120, np.uint8)
    return Coded((rows, rows), TensorProto.FLOAT, (1, rows, rows), blob(codes), 0, 256, 0, None,
                 scale=np.full((1, 1, rows), 0.01, np.float32), zero_point=zero_point)


def codebook(rows: int, levels: int) -> Coded:
    """Weights that take `levels` values."""
    codes = np.random.default_rng(0).integers(0, levels, (rows, rows), np.uint8)
    values = np.sort(np.random.default_rng(1).standard_normal(levels).astype(np.float32))
    return Coded((rows, rows), TensorProto.FLOAT, (1, codes.size, 1), blob(codes), 0, levels, 0, None, codebook=values)


def vectors(rows: int, levels: int) -> Vectors:
    """Weights in vectors of four along the rows."""
    random = np.random.default_rng(0)
    codes = random.integers(0, levels, rows * rows // 4, np.uint8)
    book = random.standard_normal((levels, 4)).astype(np.float32)
    return Vectors((rows, rows), TensorProto.FLOAT, (rows, rows, 1), [blob(codes)], [book])


def emission(case: Case, values: Values) -> Emission:
    """Return the weight W in the case's layout."""
    def new(label: str) -> Emission:
        return Emission(case.opset, label=label)

    found: Iterable[Emission]
    if isinstance(values, Vectors):
        found = choose.for_vectors(new, values, "W", UNBOUNDED)
    elif isinstance(values, Floats):
        size = values.size - values.zeros
        found = choose.for_floats(new, "W", values.shape, values.dtype, size, values.parts, 4, UNBOUNDED)
    else:
        found = choose.emissions(new, values, "W", UNBOUNDED)
    return next(e for e in found if e.label == case.label)


def decoded(values: Values) -> np.ndarray:
    """Return the weight's values."""
    return np.concatenate(list(values.parts)).reshape(values.shape) if isinstance(values, Floats) else values.decode()


def write(case: Case, stored: Emission, rows: int, path: str, batch: int = 1) -> int:
    """Write a model y = x W, x [batch, rows]. Returns: bytes of the weight in the file, shared tables included."""
    ir_version = helper.find_min_ir_version_for([helper.make_opsetid("", case.opset)])
    proto: ModelProto = parser.parse_model(f"""<ir_version: {ir_version}, opset_import: ["" : {case.opset}]>
        g (float[{batch},{rows}] x) => (float[{batch},{rows}] y) {{ y = MatMul(x, W) }}""")
    model = Model(proto, Source(os.open(os.devnull, os.O_RDONLY), ""), 0, 0, None)
    scopes = Scopes(model.proto)
    stored.realise(model)
    put_first(model.proto.graph, (), place(model, scopes.main, scopes.main, stored, unused(())))
    put_first(model.proto.graph, stored.reads, ())
    pieces, _ = wire.splice(model.serialized(), model.mark, lambda number: model.blobs[number].length)
    with open(path, "wb", buffering=0) as file:
        write_pieces(file.fileno(), pieces, model.blobs)
    return stored.nbytes + sum(stored.shared_bytes().values())
