"""Tables decoded by rows count as the weights that they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from lightweight_cli.inspect import report_dict
from lightweight_cli.model.load import load
from lightweight_cli.model.output_external import write_candidate
from lightweight_cli.pipeline import recipe
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.weights import looked_up


@pytest.mark.parametrize("step", ["quantize:bits=8", "quantize:bits=4", "quantize:bits=5", "half"])
def test_one_row_with_name_shape_and_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    proto = parser.parse_model("""<ir_version: 8, opset_import: ["" : 13]>
        g (int64[n, m] i) => (float[n, m, d] y) { y = Gather(W, i) }""")
    proto.graph.initializer.append(numpy_helper.from_array(np.random.default_rng(0).standard_normal((48, 256)).astype(np.float32), "W"))
    onnx.save(proto, tmp_path / "model.onnx")
    found = {}
    for least in (0, 1 << 60):
        monkeypatch.setattr(looked_up, "LEAST", least)
        model = load(str(tmp_path / "model.onnx"))
        run_steps(model, [recipe.parse(step)])
        candidate = write_candidate(model, str(tmp_path / f"{least}.onnx"))
        candidate.publish()
        candidate.discard()
        document = report_dict(str(tmp_path / f"{least}.onnx"))
        found[least] = {"parameters": document["parameters"],
                        "weights": [{k: row[k] for k in ("name", "shape", "encoding", "used_by", "decoded_by")}
                                    for row in document["tensors"] if row["decoded_by"]]}
    by_rows = {n.output[0] for n in onnx.load(tmp_path / "0.onnx").graph.node}
    assert "W" not in by_rows
    assert found[0] == found[1 << 60]
    assert [(w["name"], w["shape"], w["used_by"]) for w in found[0]["weights"]] == [("W", [48, 256], ["Gather"])]
