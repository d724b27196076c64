"""Apply a pass to a model of the test, and run both in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto

from lightweight_cli.model import wire
from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.step_report import StepReport

Feed = dict[str, np.ndarray]


def run(proto: ModelProto, feed: Feed) -> list[np.ndarray]:
    """Run a model on the CPU."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def written(model: Model) -> ModelProto:
    """Return the model as it would be read from its file."""
    pieces, size = wire.splice(model.serialized(), model.mark, lambda i: model.blobs[i].length)
    data = b"".join(model.blobs[p.id].bytes() if isinstance(p, wire.Payload) else bytes(p) for p in pieces)
    assert len(data) == size
    return ModelProto.FromString(data)


class Bench:
    """Models in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []

    def load(self, source: str | ModelProto) -> Model:
        """Load a model given as text or not."""
        proto = onnx.parser.parse_model(source) if isinstance(source, str) else source
        path = self.folder / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        return load(str(path))

    def apply(self, source: str | ModelProto, function: Callable[[Context], int], *feeds: Feed, rtol: float = 0.0,
              **options: Any) -> tuple[int, ModelProto]:
        """Apply a pass, twice: the second run changes nothing. Both models give the same outputs.

        Returns: things changed, and the model that came out.
        """
        model = self.load(source)
        before = written(model)
        first = Context(model, StepReport(""))
        changed = function(first, **options)
        self.notes = list(first.step.notes)
        after = written(model)
        assert function(Context(model, StepReport("")), **options) == 0
        assert written(model) == after
        assert after.ByteSize() <= before.ByteSize()
        for feed in feeds:
            for old, new in zip(run(before, feed), run(after, feed), strict=True):
                assert old.dtype == new.dtype and old.shape == new.shape
                if rtol:
                    np.testing.assert_allclose(new, old, rtol=rtol, atol=rtol)
                else:
                    assert old.tobytes() == new.tobytes()
        return changed, after


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench in the test's own folder."""
    return Bench(tmp_path)
