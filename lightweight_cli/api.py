"""The Python interface: as small as the command line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lightweight_cli.passes  # noqa: F401  hands over the declarations
from lightweight_cli.data.portion import Portion
from lightweight_cli.data.written import Feeds, written
from lightweight_cli.model.blobs import Source
from lightweight_cli.model.load import load, load_source
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import refuse_target
from lightweight_cli.model.output_external import single_pieces, write_candidate
from lightweight_cli.pipeline import recipe
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.pipeline.step_report import StepReport

if TYPE_CHECKING:
    from onnx import ModelProto


Data = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Feeds


@dataclass
class Result:
    """A model after its steps, not yet checked or written."""

    model: Model
    steps: list[StepReport]
    """One report a step: what it changed, and what it left alone and why."""

    @property
    def changed(self) -> bool:
        """Whether any step changed anything."""
        return any(s.changed for s in self.steps)

    @property
    def size(self) -> int:
        """Bytes of the model as one file."""
        return single_pieces(self.model)[1]

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the model to `path`, whole or not at all; unchecked: `verify` compares it with its original.

        Raises: UsageError when the file exists and `force` is not set; OutputError.
        """
        target = os.fspath(path)
        refuse_target(target, None, force)
        candidate = write_candidate(self.model, target)
        try:
            candidate.publish()
        finally:
            candidate.discard()


def run(model: str | os.PathLike[str] | ModelProto, steps: Iterable[str | Step], *, calibrate: Data | None = None,
        samples: int | None = None, seed: int = 0) -> Result:
    """Apply steps such as "prune:sparsity=0.5" to a model file or a ModelProto, which stays as it is.

    `calibrate`: data that choose values, for steps that can use them: files as --calibrate takes them, or feeds (dicts of
    arrays by input name); at most `samples` of them, drawn by `seed`.
    Raises: InputError for the model or the data, UsageError for a step.
    """
    parsed = [recipe.parse(s) if isinstance(s, str) else s for s in steps]
    loaded = load(os.fspath(model)) if isinstance(model, (str, os.PathLike)) else _of_proto(model)
    if calibrate is None:
        return Result(loaded, run_steps(loaded, parsed))
    with written(calibrate) as paths:
        return Result(loaded, run_steps(loaded, parsed, calibrate=Portion(paths, "all", samples, seed)))


def _of_proto(proto: ModelProto) -> Model:
    with tempfile.TemporaryFile(prefix="lwc-") as spooled:
        spooled.write(proto.SerializeToString(deterministic=True))
        spooled.flush()
        return load_source(Source(os.dup(spooled.fileno()), "ModelProto"), None)
