"""What loading takes: of a plain model, and of one that decodes its weights when it is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, parser

from lightweight_cli.runtime import load_cost

ROWS = 2048


def pair(folder: Path) -> tuple[str, str, int]:
    """Return a float model, one that decodes the same weight from bytes, and the bytes of both together."""
    codes = np.random.default_rng(0).integers(-127, 128, (ROWS, ROWS), np.int8)
    made = []
    for name, nodes, weight in (("plain", "", codes.astype(np.float32) * np.float32(0.5)), ("coded", """
            n = Cast<to: int = 1>(q)
            s = Constant<value_float: float = 0.5>()
            W = Mul(n, s)""", codes)):
        model = parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 13]>
            g (float[1,{ROWS}] x) => (float[1,{ROWS}] y) {{ {nodes} y = MatMul(x, W) }}""")
        model.graph.initializer.append(numpy_helper.from_array(weight, "q" if nodes else "W"))
        onnx.save(model, folder / f"{name}.onnx")
        made.append(str(folder / f"{name}.onnx"))
    return made[0], made[1], sum(Path(p).stat().st_size for p in made)


def test_decoding_at_load_is_seen(tmp_path: Path) -> None:
    plain, coded, size = pair(tmp_path)
    heard: list[tuple[str, int, int | None]] = []
    found = load_cost.measure(plain, coded, threads=1, size=size, progress=lambda *stage: heard.append(stage))
    assert isinstance(found, load_cost.LoadCost)
    weight = 4 * ROWS * ROWS
    assert weight < found.reference.peak_bytes < 3 * weight
    assert found.candidate.peak_bytes > found.reference.peak_bytes + weight, "the numbers before they were scaled"
    assert found.reference.after_bytes > 0.9 * weight and found.candidate.after_bytes > 0.9 * weight
    assert 0 < found.reference.cpu_s < 60 and 0 < found.candidate.wall_s < 60
    assert found.memory_ratio == found.candidate.peak_bytes / found.reference.peak_bytes
    assert heard == [("load cost", i, 2 * found.rounds) for i in range(2 * found.rounds)] or found.rounds < load_cost.ROUNDS


def test_what_can_not_be_measured_says_why(tmp_path: Path) -> None:
    plain, coded, size = pair(tmp_path)
    assert "MiB are loaded again" in str(load_cost.measure(plain, coded, threads=1, size=load_cost.LARGEST + 1))
    assert "still running after 0.001 s" in str(load_cost.measure(plain, coded, threads=1, size=size, limit=0.001))
    Path(coded).write_bytes(b"no model")
    assert str(load_cost.measure(plain, coded, threads=1, size=size)).startswith("loading again failed: ")


def test_the_first_model_is_one() -> None:
    onnx.checker.check_model(onnx.load_model_from_string(load_cost.NOTHING))
