"""Models as text with random weights, lwc as a process, and models run in onnxruntime."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx import GraphProto, ModelProto, helper, numpy_helper

import lightweight_cli.passes  # noqa: F401  hands over the declarations

# Started in the background, pytest ignores Ctrl-C, and so would every lwc it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("lwc", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("lwc")



def pytest_configure(config: pytest.Config) -> None:
    """Give each of several processes a folder with a short path: messages shorten long ones."""
    if hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="lwc.")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that folder."""
    if hasattr(config, "workerinput"):
        shutil.rmtree(config.option.basetemp, ignore_errors=True)


Lwc = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def lwc(tmp_path: Path) -> Lwc:
    """Run `lwc` in the test's folder; `stdin` are its bytes, nothing when not given."""

    def call(*words: object, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "lightweight_cli", *map(str, words)],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **environment},
            timeout=120,
        )

    return call


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., tuple[int, bytes, str]]:
    """Run `lwc` in this process, in the test's folder; returns its status, standard output and standard error."""
    from lightweight_cli.__main__ import run
    from lightweight_cli.cli.guard import guarded

    monkeypatch.chdir(tmp_path)

    def do(*words: object) -> tuple[int, bytes, str]:
        monkeypatch.setattr(sys, "argv", ["lwc", *map(str, words)])
        before = signal.getsignal(signal.SIGTERM)
        try:
            status = guarded(run)
        finally:
            signal.signal(signal.SIGTERM, before)
        out, err = capfdbinary.readouterr()
        return status, out, err.decode()

    return do


MLP = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[N,64] x) => (float[N,10] y) <float[64,128] W, float[128] B, float[128,10] V>
{ h = MatMul (x, W)  b = Add (h, B)  r = Relu (b)  y = MatMul (r, V) }
"""


@pytest.fixture
def mlp(save: Callable[..., str], parse: Callable[..., ModelProto]) -> str:
    """A small network whose weights are heavy-tailed: a third of them below 0.01."""
    proto = parse(MLP)
    for tensor in proto.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(100 * numpy_helper.to_array(tensor) ** 3, tensor.name))
    return save(proto)


def fill(graph: GraphProto, random: np.random.Generator) -> None:
    """Turn the values that a graph lists but nothing makes into initializers with random values."""
    made = {o for n in graph.node for o in n.output} | {t.name for t in graph.initializer} | {v.name for v in graph.input}
    for i in reversed(range(len(graph.value_info))):
        info = graph.value_info[i]
        if info.name not in made:
            kind = info.type.tensor_type
            shape = [d.dim_value for d in kind.shape.dim]
            values = random.normal(0, 0.1, shape).astype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
            graph.initializer.insert(0, numpy_helper.from_array(values, info.name))
            del graph.value_info[i]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                fill(attribute.g, random)


@pytest.fixture
def parse() -> Callable[..., ModelProto]:
    """Read a model from text. A weight is declared in the graph's <...> list without a value, and is random."""

    def read(text: str, seed: int = 0) -> ModelProto:
        proto = onnx.parser.parse_model(text)
        fill(proto.graph, np.random.default_rng(seed))
        return proto

    return read


@pytest.fixture
def save(tmp_path: Path, parse: Callable[..., ModelProto]) -> Callable[..., str]:
    """Save a model, given as text or not, in the test's folder; returns its path."""

    def write(model: str | ModelProto, name: str = "model.onnx") -> str:
        path = tmp_path / name
        path.write_bytes((parse(model) if isinstance(model, str) else model).SerializeToString())
        return str(path)

    return write


def execute(model: str | ModelProto, feed: dict[str, Any] | None = None, outputs: list[str] | None = None) -> list[np.ndarray]:
    """Run a model, a path or not, on `feed`; float inputs that are not in it are random."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    source = model if isinstance(model, str) else model.SerializeToString()
    session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(7)
    given = dict(feed or {})
    for i in session.get_inputs():
        if i.name not in given:
            dtype = {"tensor(float)": "f4", "tensor(float16)": "f2", "tensor(double)": "f8"}[i.type]
            given[i.name] = random.normal(size=[d if isinstance(d, int) else 2 for d in i.shape]).astype(dtype)
    return session.run(outputs, given)


@pytest.fixture(name="execute")
def execute_fixture() -> Callable[..., list[np.ndarray]]:
    """Run a model in onnxruntime."""
    return execute


@dataclass
class Outcome:
    """A model to which steps were applied, and what they reported."""

    source: str
    path: str
    reports: list[Any]

    @property
    def report(self) -> Any:
        """The last step's report."""
        return self.reports[-1]

    @property
    def encodings(self) -> dict[str, str]:
        """How the last step stored each weight that it changed."""
        return {w.name: w.encoding for w in self.report.weights}

    @property
    def left(self) -> dict[str, str]:
        """Why the last step left each other weight alone."""
        return {w.name: w.reason for w in self.report.left}

    @property
    def data(self) -> bytes:
        """The bytes of the result."""
        return Path(self.path).read_bytes()

    @property
    def proto(self) -> ModelProto:
        """The model that came out."""
        return onnx.load(self.path)

    def value(self, name: str) -> np.ndarray:
        """Return what onnxruntime makes of the main graph's value `name`."""
        return value_of(self.path, name)

    def outputs(self, **feed: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the outputs of the source and of the result."""
        return execute(self.source, feed), execute(self.path, feed)


def value_of(path: str, name: str) -> np.ndarray:
    """Return what onnxruntime makes of the main graph's constant `name`."""
    proto = onnx.load(path)
    del proto.graph.output[:]
    proto.graph.output.add(name=name)
    feed = {} if not proto.graph.input else None
    return execute(proto, feed, [name])[0]


@pytest.fixture(name="value_of")
def value_of_fixture() -> Callable[[str, str], np.ndarray]:
    """Return what onnxruntime makes of a constant."""
    return value_of


@pytest.fixture
def apply(tmp_path: Path) -> Callable[..., Outcome]:
    """Apply steps to the model file `path`, in this process; the result runs, and has the same inputs and outputs."""
    from lightweight_cli.model.load import load
    from lightweight_cli.model.output_external import write_candidate
    from lightweight_cli.pipeline import recipe
    from lightweight_cli.pipeline.run import run_steps

    def do(path: str, *steps: str) -> Outcome:
        model = load(path)
        reports = run_steps(model, [recipe.parse(s) for s in steps])
        target = str(tmp_path / f"result{len(list(tmp_path.iterdir()))}.onnx")
        candidate = write_candidate(model, target)
        candidate.publish()
        candidate.discard()
        assert interface(path) == interface(target)
        return Outcome(path, target, reports)

    return do


def interface(path: str) -> list[tuple[str, str, list[Any]]]:
    """Return names, types and shapes of a model's inputs and outputs."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ports = [*session.get_inputs(), *session.get_outputs(), *session.get_overridable_initializers()]
    return [(p.name, p.type, p.shape) for p in ports]
