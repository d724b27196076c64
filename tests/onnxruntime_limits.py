"""What the installed onnxruntime takes: an older one, as on Python 3.10, does not know the newest operator sets."""

from __future__ import annotations

from functools import cache

import onnxruntime as ort
from onnx import parser


@cache
def takes(opset: int, ir_version: int) -> bool:
    """Return whether onnxruntime loads a model of this operator set and IR version."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    text = f'<ir_version: {ir_version}, opset_import: ["" : {opset}]> g (float[1] x) => (float[1] y) {{ y = Identity(x) }}'
    try:
        ort.InferenceSession(parser.parse_model(text).SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base
        assert "nsupported model IR version" in str(error) or "opset" in str(error), error
        return False
    return True
