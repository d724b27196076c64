"""Each layout's weight is known again by its name, folds in onnxruntime where a target takes it, and leaves no decoding in a .ort file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from encoding_models import LEVELS, coded, emissions, floats, inlined, model_of, put, run, session
from onnx import TensorProto, numpy_helper

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.encodings.named import LAYOUTS
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.model import Model
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.runtime import ort_format
from lightweight_cli.targets import stored
from lightweight_cli.targets.table import TARGETS
from lightweight_cli.targets.target import STORING
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.search import find_weights

N = 96
MODEL = f'<ir_version: 10, opset_import: ["" : 21]> g (float[2,{N}] x) => (float[2,{N}] y) {{ y = MatMul(x, W) }}'
NAMES = ("float16", "bfloat16", "packed", "planes", "int4", "tree of 1", "tree of 2", "bitmask", "delta", "vectors + packed")
LOADS = [name for name in TARGETS if TARGETS[name].evidence == "run"]


def values() -> list[Coded | Floats]:
    """Weights that between them can be stored in every layout."""
    random = np.random.default_rng(0)
    normal = random.standard_normal((N, N)).astype(np.float32)
    sparse = np.where(random.random((N, N)) < 0.95, 0, normal).astype(np.float32)
    codes = np.rint(random.standard_normal(N * N) * 1.5).clip(-7, 7).astype(np.int8)
    scale = random.random((1, 1, N)).astype(np.float32)
    five = random.integers(-15, 16, N * N).astype(np.int8)
    brain = (normal.view(np.uint32) & 0xFFFF0000).view(np.float32)
    return [floats(normal.astype(np.float16).astype(np.float32)), floats(brain), floats(sparse),
            coded(codes, (N, N), groups=(1, N, N), scale=scale), coded(five, (N, N), groups=(1, N, N), scale=scale)]


@cache
def emission(name: str) -> Emission:
    """Return a weight W [96, 96] in a layout."""
    if name.startswith("vectors"):
        random = np.random.default_rng(0)
        codes, book = random.integers(0, 16, N * N // 4, np.uint8), random.standard_normal((16, 4)).astype(np.float32)
        found = choose.for_vectors(lambda label: Emission(21, label=label), Vectors(
            (N, N), TensorProto.FLOAT, (N, N, 1), [Blob(codes.size, data=codes.data)], [book]), "W")
    else:
        found = [e for v in values() for e in emissions(v, 21)]
    return next(e for e in found if e.label == name)


def placed(name: str) -> Model:
    model = model_of(MODEL)
    scopes = Scopes(model.proto)
    put(model, scopes.main, scopes, emission(name))
    return model


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_is_known_by_its_name_and_folds(name: str, tmp_path: Path) -> None:
    model = placed(name)
    (weight,) = find_weights(model, Scopes(model.proto))
    family = name.partition(" ")[0]
    assert family in stored.layouts(weight)
    assert not weight.encoded or all(bool(stored.refused(weight, t)) == any(f in t.refused for f in stored.layouts(weight))
                                     for t in TARGETS.values())
    proto = inlined(model)
    session(proto, LEVELS.ORT_ENABLE_BASIC, str(tmp_path / "folded.onnx"))
    folded = onnx.load(tmp_path / "folded.onnx").graph
    assert [n.op_type for n in folded.node] == ["MatMul"]
    x = np.random.default_rng(1).standard_normal((2, N)).astype(np.float32)
    weights = next(numpy_helper.to_array(t) for t in folded.initializer if t.name == "W")
    assert np.allclose(run(proto, {"x": x})[0], x @ weights, atol=1e-4)


def test_blocks_within_rows_are_stored_by_rows() -> None:
    """OpenVINO does not load a Gemm of [rows x blocks, values, 1]."""
    codes = np.random.default_rng(0).integers(-127, 128, 12 * 96).astype(np.int8)
    blocks = coded(codes, (12, 96), groups=(36, 32, 1), scale=np.full((36, 1, 1), 0.5, np.float16))
    stored = next(e for e in emissions(blocks, 17) if e.label == "packed").stored
    assert [list(s.proto.dims) for s in stored[:2]] == [[12, 3, 32], [12, 3, 1]]


def test_an_ort_file_holds_floats_whatever_stored_them(tmp_path: Path) -> None:
    """It is why the target refuses every storage encoding."""
    (tmp_path / "model.onnx").write_bytes(inlined(placed("tree of 2")).SerializeToString())
    assert ort_format.convert(str(tmp_path), 10_000) is None
    needs = (tmp_path / ort_format.NEEDS).read_text().splitlines()
    assert [line for line in needs if not line.startswith("#")] == ['ai.onnx;13;MatMul{"inputs": {"0": ["float"]}}']
    assert ort_format.is_ort(str(tmp_path / "model.ort"))
    assert (tmp_path / "model.ort").stat().st_size > N * N * 4
    assert set(TARGETS["ort-format"].refused) == set(STORING)


def test_layouts_that_are_refused_are_not_offered() -> None:
    every = {e.label for v in values() for e in emissions(v, 21)}
    few = {e.label for v in values() for e in emissions(v, 21, limits=Limits(1000, 1e9, refused=("bitmask", "tree", "int4")))}
    assert {"bitmask", "tree of 1", "tree of 2", "int4", "packed"} <= every
    assert few == {label for label in every if label.partition(" ")[0] not in ("bitmask", "tree", "int4") and "int4" not in label
                   and "tree" not in label}
    assert {layout for found in LAYOUTS.values() for layout in found} < set(STORING)
