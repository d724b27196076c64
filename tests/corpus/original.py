"""What a model does before lwc touches it: its interface, inputs it runs on, and its outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
from onnx import numpy_helper

from lightweight_cli.data.synthetic.search import synthetic_batches
from lightweight_cli.model.skeleton import read_skeleton
from lightweight_cli.passes.strip.liveness import all_nodes
from lightweight_cli.runtime.level import Level
from lightweight_cli.runtime.sessions import interface, open_session

RANDOM = ("Random", "Multinomial", "Bernoulli", "Sampling")
"""How operators begin whose values depend on a generator: an equal model may draw others. Dropout does in training."""


@dataclass
class Original:
    """A model that runs in onnxruntime, or why it does not."""

    path: str
    why_not: str = ""
    feed: dict[str, Any] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    ports: list[tuple[str, str]] = field(default_factory=list)
    random: bool = False

    @property
    def runs(self) -> bool:
        """Whether there are outputs to compare with."""
        return not self.why_not


def examine(path: str, level: Level = "all") -> Original:
    """Run a model on the test data beside it, or on synthetic inputs, optimised by onnxruntime up to `level`."""
    try:
        session = open_session(path, threads=1, level=level)
    except Exception as error:
        return Original(path, why_not=f"does not load: {error}")
    failure = "no inputs that it runs on are known"
    try:
        feed = given(path, session) or synthetic(path, session)
        if feed is None:
            return Original(path, why_not=failure)
        outputs = session.run(None, feed)
    except Exception as error:
        return Original(path, why_not=f"does not run: {error}")
    return Original(path, "", feed, outputs, ports(session), draws(path))


def ports(session: ort.InferenceSession) -> list[tuple[str, str]]:
    """Return names and types of inputs and outputs, in order."""
    return [(p.name, p.type) for p in (*session.get_inputs(), *session.get_outputs())]


def given(path: str, session: ort.InferenceSession) -> dict[str, Any] | None:
    """Return the inputs of test_data_set_0 beside the model, if there are any."""
    folder = Path(path).parent / "test_data_set_0"
    files = {p.name: folder / f"input_{i}.pb" for i, p in enumerate(session.get_inputs())}
    if not folder.exists() or not all(f.exists() for f in files.values()):
        return None
    return {p.name: read(files[p.name].read_bytes(), p.type) for p in session.get_inputs()}


def read(data: bytes, kind: str) -> Any:
    """Return the value in a .pb file for an input of onnxruntime's type `kind`."""
    if kind.startswith("seq("):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind.startswith("optional("):
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    return numpy_helper.to_array(onnx.TensorProto.FromString(data))


def synthetic(path: str, session: ort.InferenceSession) -> dict[str, Any] | None:
    """Return seeded synthetic inputs, if some are found that the model runs on."""
    found = synthetic_batches(session, interface(session), read_skeleton(path), 0, lambda: None)
    return None if isinstance(found, str) else dict(next(iter(found)).feed)


def draws(path: str) -> bool:
    """Whether the model has a random operator anywhere."""
    model = read_skeleton(path)
    return any(
        n.op_type.startswith(RANDOM) or (n.op_type == "Dropout" and len(n.input) > 2)
        for owner in (model.graph, *model.functions)
        for n in all_nodes(owner)
    )
