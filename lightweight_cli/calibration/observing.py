"""What values of the main graph are like, as a child process sees them on calibration data: a histogram of each."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ValueInfoProto

from lightweight_cli.calibration.conversation import Conversation
from lightweight_cli.calibration.inputs import asked_for
from lightweight_cli.errors import InputError
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.numerics.balance import Channels, Ends
from lightweight_cli.numerics.spread import Spread
from lightweight_cli.runtime.sessions import open_session, reason

if TYPE_CHECKING:
    from lightweight_cli.calibration.settings import Settings
    from lightweight_cli.model.model import Model
    from lightweight_cli.runtime.child import Progress

TARGET = "lightweight_cli.calibration.observing:Observing"


class Observer(Conversation):
    """The parent's side. Use it as a context."""

    def __init__(self, settings: Settings, model: Model) -> None:
        """Raises: InputError for data that do not fit."""
        super().__init__(TARGET, settings, model, "calibration")
        self.samples = self.of = 0

    def __enter__(self) -> Observer:
        return self

    def spreads(self, names: Sequence[str]) -> dict[str, Spread]:
        """Return what each of the values is like that are floats. Raises: InputError where the model does not run."""
        told, arrays = self._ask({**self.request, "names": list(names)})
        self.samples, self.of = told["samples"], told["of"]
        return {name: Spread(ends[0], ends[1], ends[2], arrays["counts"][i]) for i, (name, ends) in enumerate(told["found"])}


    def channels(self, names: Sequence[str]) -> dict[str, Channels]:
        """Return what the channels, along the last axis, of each value are like. Raises: InputError where the model does not run."""
        told, arrays = self._ask({**self.request, "names": list(names), "channels": True})
        self.samples, self.of = told["samples"], told["of"]
        return {name: Channels(*arrays[str(i)]) for i, name in enumerate(told["found"])}


class Observing:
    """The child's side: answers the one request of `Observer.spreads`, or of `Observer.channels`."""

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Run the model with the values as outputs."""
        tell("load", 0, None)
        model, threads = load(request["model"]), request["threads"]
        batches, _ = asked_for(request, model.proto, tell)
        fed = {i.name for i in model.proto.graph.input}
        have = {o.name for o in model.proto.graph.output}
        asked = [n for n in request["names"] if n not in fed]
        model.proto.graph.output.extend(ValueInfoProto(name=n) for n in asked if n not in have)
        try:
            with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
                session = open_session(write_into(model, folder, "model"), threads=threads, integers=False)
        except Exception as e:  # onnxruntime's exceptions have no common base
            raise InputError(f"onnxruntime can't load it with more outputs: {reason(e)}") from e
        by_channel = "channels" in request
        found: dict[str, Any] = {name: Ends() if by_channel else Spread() for name in request["names"]}
        samples = 0
        for number, batch in enumerate(batches):
            tell("layers", number, None)
            samples += batch.samples
            try:
                made = session.run(asked, batch.feed) if asked else []  # of no names it gives all
                values = dict(zip(asked, made, strict=True)) | dict(batch.feed)
            except Exception as e:
                raise InputError(f"calibration: the model does not run on batch {number}: {reason(e)}") from e
            for name, spread in found.items():
                if getattr(values.get(name), "dtype", None) == np.float32:
                    spread.add(values[name])
        if by_channel:
            ends = {name: e.channels() for name, e in found.items() if e.rows and e.low is not None}
            return ({"found": list(ends), "samples": samples, "of": batches.of or samples},
                    {str(i): np.stack(one) for i, one in enumerate(ends.values())})
        kept = {name: s for name, s in found.items() if s.counts.any()}
        told = {"found": [(name, (s.range, s.low, s.high)) for name, s in kept.items()], "samples": samples, "of": batches.of or samples}
        return told, {"counts": np.stack([s.counts for s in kept.values()]) if kept else np.zeros((0, 0), np.int64)}
