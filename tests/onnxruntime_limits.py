"""What the installed onnxruntime takes: an older one, as on Python 3.10, does not know the newest operator sets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import onnxruntime as ort
from onnx import ModelProto, parser

OLDER = tuple(int(n) for n in ort.__version__.split(".")[:2]) < (1, 24)
"""Whether it is one of the releases that are only just supported."""


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


def shape_made(proto: ModelProto, feeds: Mapping[str, np.ndarray]) -> tuple[int, ...] | None:
    """Return the shape of a model's first output; None where the installed onnxruntime does not run it, which only an older may."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, dict(feeds))[0].shape
    except Exception:
        if not OLDER:
            raise
        return None
