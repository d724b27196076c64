"""Calibration as passes have it: what each weight sees, asked of a child process that runs the model on the user's data."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from lightweight_cli.calibration.message import from_arrays
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.data.portion import Portion
from lightweight_cli.errors import InputError, LwcError
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.runtime.child import Child, Crash, Overrun

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

TARGET = "lightweight_cli.calibration.handler:Handler"
MEMORY = 512 << 20
"""Bytes for all that grows with the samples: what is live in a thousand samples of models with up to 100 MB of weights."""
TIME_LIMIT = 120.0
"""Seconds for opening the model, and for one run of a part of it on one batch; the user's data take as long as they take."""
BYTES_A_SECOND = 10e6
"""A stage may take a second longer for each so many bytes of the model."""
Advance = Callable[[int, int], None]
"""Called with the layers done, and how many there are."""


@dataclass
class Layer:
    """A weight at its turn: what it sees, or why that is not known."""

    weight: Weight
    statistics: Statistics | None
    reason: str = ""
    values: np.ndarray | None = field(default=None, repr=False)

    def replace(self, values: np.ndarray) -> None:
        """Let the compressed model go on with these values of the weight, in its shape, from here on. In a walk only."""
        if values.shape != self.weight.shape:
            raise ValueError(f"values of shape {list(values.shape)} for a weight of {list(self.weight.shape)}")
        self.values = values if values.dtype.kind == "f" else values.astype(np.float32)  # bfloat16 has no name between processes


@dataclass(frozen=True)
class Calibration:
    """Data that chooses. It judges nothing.

    `rows` of each layer; None: four times its inputs, from 2,048 to 8,192. `memory`: bytes for what grows with the samples, in the child;
    beyond, it goes to the disk.
    """

    portion: Portion
    rows: int | None = None
    memory: int = MEMORY
    batch_size: int | None = None
    threads: int = 2
    time_limit: float | None = TIME_LIMIT

    def statistics(self, model: Model, weights: Sequence[Weight], *, histogram: bool = False,
                   advance: Advance | None = None) -> Iterator[Layer]:
        """Yield what each weight sees in the model as it is; first those that see nothing, with the reason, then in order of use.

        Raises: InputError for data that do not fit, and for a model that does not run on them.
        """
        return self._layers(model, weights, False, histogram, advance)

    def walk(self, model: Model, weights: Sequence[Weight], *, advance: Advance | None = None) -> Iterator[Layer]:
        """Yield each weight before the model uses it: what it sees in the model compressed so far, with targets of the original.

        What `Layer.replace` is given is what later layers see. Weights with several uses, and those in branches of If, come with what
        the original sees, and without targets.
        Raises: InputError for data that do not fit, and for a model that does not run on them.
        """
        return self._layers(model, weights, True, False, advance)

    def _layers(self, model: Model, weights: Sequence[Weight], walk: bool, histogram: bool, advance: Advance | None) -> Iterator[Layer]:
        if not weights:
            return
        request = {"do": "open", "portion": asdict(self.portion), "weights": [[w.scope.number, w.name] for w in weights], "walk": walk,
                   "rows": self.rows, "seed": self.portion.seed, "histogram": histogram, "memory": self.memory,
                   "threads": self.threads, "batch_size": self.batch_size}
        chatter = any(":" in path for path in self.portion.paths)
        with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
            request["model"] = write_into(model, folder, "model")
            size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
            try:
                with Child(TARGET, limit=lambda stage: self._limit(stage, size), chatter=chatter, what="calibration") as child:
                    opened, _ = child.ask(request)
                    for number, why in opened["lost"]:
                        yield Layer(weights[number], None, why)
                    done = len(opened["lost"])
                    values: dict[str, np.ndarray] = {}
                    while True:
                        told, arrays = child.ask({"do": "next"}, values)
                        if told is None:
                            return
                        done += 1
                        if advance is not None:
                            advance(done, len(weights))
                        weight, why = weights[told["weight"]], told.get("reason", "")
                        layer = Layer(weight, None if why else from_arrays(told, arrays), why)
                        del arrays
                        yield layer
                        values = {"values": layer.values} if layer.values is not None else {}
            except Overrun as e:
                raise InputError(f"{model.shown}: calibration: still running after {e.limit:g} s") from e
            except Crash as e:
                _crashed(e, model.shown)

    def _limit(self, stage: str, size: int) -> float | None:
        return None if self.time_limit is None or stage == "data" else self.time_limit + size // BYTES_A_SECOND


def _crashed(crash: Crash, shown: str) -> NoReturn:
    """Raise for a child that ended without an answer."""
    if crash.code >= 0:
        raise LwcError(f"{shown}: calibration ended with exit code {crash.code} and without an answer") from crash
    name = signal.Signals(-crash.code).name
    how = "was killed (SIGKILL), probably for lack of memory," if name == "SIGKILL" else f"crashed ({name})"
    raise InputError(f"{shown}: onnxruntime {how} while calibrating") from crash
