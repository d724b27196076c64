"""Trees that no room is left for at load are not priced, and the file is what it would be if they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import lightweight_cli as lwc
from lightweight_cli.encodings import counting, later

SIDE = 512
"""Of a weight of as many codes as are not counted at once."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two weights that are smaller as trees, one that may be or not, and is always counted, and a table that is decoded by rows."""
    random = np.random.default_rng(0)
    proto = parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]> g (int64[2] i) => (float[2,{SIDE}] y)
        {{ x = Gather(T, i) a = MatMul(x, A) b = MatMul(a, B) y = MatMul(b, C) }}""")
    for name in "TABC":
        values = random.standard_normal((SIDE, SIDE)) if name != "B" else random.uniform(-1, 1, (SIDE, SIDE))
        proto.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    path = tmp_path_factory.mktemp("further") / "model.onnx"
    onnx.save(proto, path)
    return str(path)


@pytest.mark.parametrize(("asked", "counted"), [
    ("bits=4,load_memory=1MB", 1), ("bits=4,load_memory=1GB", 4), ("bits=3,load_memory=1MB", 3), ("bits=2,load_memory=1MB", 1),
    ("bits=4,asymmetric=true,load_memory=1MB", 2), ("bits=4", 4),
])
def test_what_waits_changes_no_byte(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, counted: int,
) -> None:
    def written(name: str) -> bytes:
        lwc.run(model, [f"quantize:method=nearest,keep=0,{asked}"]).save(tmp_path / name, check=False)
        return (tmp_path / name).read_bytes()

    sizes, every = [], counting.every
    monkeypatch.setattr(counting, "every", lambda parts, levels: sizes.append(levels) or every(parts, levels))
    found = written("now.onnx")
    assert len(sizes) == counted
    monkeypatch.setattr(later, "waits", lambda *of: False)
    assert found == written("all.onnx")
