"""A case: a file to read, what it may lead to, and the model that most cases are a change of."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper, parser

HEAD = '<ir_version: 8, opset_import: ["": 17]>\n'


class Expect(Enum):
    """What reading and compressing a case may lead to."""

    REFUSED = "an error of one line, and no result"
    PASSES = "a result that does what the model does"
    EITHER = "one of both"


class Case(NamedTuple):
    """A model file, and what stands beside it."""

    name: str
    expect: Expect
    content: bytes
    beside: Callable[[Path], None] | None = None
    """Puts files into the model's folder."""

    def write(self, folder: Path) -> Path:
        """Write the case into a folder of its own. Returns: the model's path."""
        folder.mkdir(parents=True)
        path = folder / "model.onnx"
        path.write_bytes(self.content)
        if self.beside is not None:
            self.beside(folder)
        return path


def case(expect: Expect, name: str, content: bytes | str | ModelProto, beside: Callable[[Path], None] | None = None) -> Case:
    """Return a case; text is ONNX's textual form, with or without its head."""
    if isinstance(content, str):
        content = parsed(content)
    return Case(name, expect, content.SerializeToString() if isinstance(content, ModelProto) else content, beside)


def parsed(text: str) -> ModelProto:
    """Read a model in ONNX's textual form."""
    return parser.parse_model(text if text.startswith("<") else HEAD + text)


def weight(name: str, *shape: int, seed: int = 0, dtype: str = "float32") -> TensorProto:
    """Return a tensor of small random values."""
    values = np.random.default_rng([seed, *name.encode()]).standard_normal(shape) * 0.3
    return numpy_helper.from_array(values.astype(dtype), name)


def perceptron(**weights: TensorProto) -> ModelProto:
    """Return x @ w1 + b, relu, @ w2; `weights` takes the place of some."""
    model = parsed("""agraph (float[N, 16] x) => (float[N, 4] y) {
      a = MatMul(x, w1)
      c = Add(a, b)
      d = Relu(c)
      y = MatMul(d, w2) }""")
    for tensor in (weight("w1", 16, 32), weight("b", 32), weight("w2", 32, 4)):
        model.graph.initializer.append(weights.get(tensor.name, tensor))
    return model


def changed(change: Callable[[ModelProto], object]) -> ModelProto:
    """Return the perceptron after `change`."""
    model = perceptron()
    change(model)
    return model
