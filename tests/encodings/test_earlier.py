"""Files of versions before the split trees: their weights are read, and every step goes on from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

FILES = sorted((Path(__file__).parent / "earlier").glob("*.onnx"))
X = np.random.default_rng(0).standard_normal((5, 48)).astype(np.float32)


def outputs(path: str | Path) -> np.ndarray:
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": X})[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_steps_go_on_from_earlier_files(path: Path, apply, value_of) -> None:
    plain = apply(str(path), "unpack")
    assert np.array_equal(outputs(plain.path), outputs(path))
    assert {t.name for t in onnx.load(plain.path).graph.initializer} == {"W", "V"}
    packed = apply(str(path), "pack")
    assert np.array_equal(outputs(packed.path), outputs(path)) and len(packed.data) <= path.stat().st_size
    pruned = apply(str(path), "prune:sparsity=0.9")
    assert all(np.count_nonzero(value_of(pruned.path, name)) <= round(0.1 * plain.value(name).size) for name in ("W", "V"))
    few = apply(str(path), "quantize:bits=2,keep=0,method=nearest")
    assert len(few.data) < path.stat().st_size and outputs(few.path).shape == (5, 32)


def test_files_are_there() -> None:
    assert [path.stem for path in FILES] == ["bitmask", "bitmask_table", "huffman", "table"]
