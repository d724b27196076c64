"""The Python interface: as small as the command line, and with the same promises."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import lightweight_cli.passes  # noqa: F401  hands over the declarations
from lightweight_cli.data.portion import Portion
from lightweight_cli.data.written import Feeds, written
from lightweight_cli.errors import GateError, LwcError, in_python
from lightweight_cli.jobs.asked import asked_for
from lightweight_cli.jobs.beforehand import refuse_versions
from lightweight_cli.jobs.version import __version__
from lightweight_cli.model.blobs import Source
from lightweight_cli.model.load import load, load_source
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import refuse_target
from lightweight_cli.model.output_external import single_pieces
from lightweight_cli.pipeline import recipe
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.pipeline.step_report import StepReport
from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.report.model import Report
    from lightweight_cli.targets.target import Target

Data = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Feeds


@contextlib.contextmanager
def speaking() -> Iterator[None]:
    """Say in errors what a caller in Python would write: max_drop, not --max-drop."""
    try:
        yield
    except LwcError as e:
        e.args = (in_python(str(e)),)
        raise


@dataclass(repr=False)
class Result:
    """A model after its steps, not yet written."""

    model: Model
    steps: list[StepReport]
    """One report a step: what it changed, and what it left alone and why."""
    place: Target | None = None
    """Where it goes; None: nobody said."""
    accuracy: Accuracy | None = field(default=None, init=False)
    """What the last check that passed has found."""

    @property
    def changed(self) -> bool:
        """Whether any step changed anything."""
        return any(s.modified for s in self.steps)

    @property
    def size(self) -> int:
        """Bytes of the model as one file."""
        return single_pieces(self.model)[1]

    def __repr__(self) -> str:
        steps = ", ".join(s.text for s in self.steps)
        return f"<Result: {steps}; {human(self.model.total_size)} -> {human(self.size)}>"

    def _repr_html_(self) -> str:
        from lightweight_cli.report import groups, html, words

        rows = [[html.code(s.text), html.prose(words.changed(s)), html.prose("; ".join(
            f"{g.count:,} as {g.label}" for g in groups.by_encoding(s.weights)))] for s in self.steps]
        change = words.size_change(self.model.total_size, self.size)
        checked = self.accuracy._repr_html_() if self.accuracy is not None else ""
        return (f"<p>{human(self.model.total_size)} → <b>{human(self.size)}</b>: {html.prose(change)}</p>"
                f"{html.table(['step', 'changed', 'stored'], rows)}{checked}")

    def check(self, data: Data | None = None, *, labels: str | os.PathLike[str] | np.ndarray | None = None, **options: Any) -> Accuracy:
        """Compare the result with its original, and hold it against gates; nothing is written.

        `data`: files as --data takes them, or feeds (dicts of arrays by input name); None: synthetic inputs.
        `options`: those of the command line under their own names: metric, samples, seed, max_drop, min_sqnr, max_size, ...
        Returns: what the steps cost.
        Raises: GateError where a gate fails; InputError for the model or the data; UsageError; BrokenPromise.
        """
        with speaking():
            report = self._finish(os.path.join(tempfile.gettempdir(), "lwc-check.onnx"), data, labels, options, publish=False)
        assert report.accuracy is not None
        return report.accuracy

    def save(self, path: str | os.PathLike[str], data: Data | None = None, *, check: bool = True, force: bool = False,
             labels: str | os.PathLike[str] | np.ndarray | None = None, **options: Any) -> Report:
        """Check the result as the command line does, and write it to `path`, whole or not at all.

        Parameters as for `check`. After a `check` that passed it is not checked again unless data or options are given.
        `check=False` writes without running the models. Where the result would be larger, the input's bytes are written.
        Returns: the report, whose `status` says what was written.
        Raises: GateError where a gate fails, and whatever `check` raises: nothing is written then; UsageError when the
            file exists and `force` is not set; OutputError.
        """
        with speaking():
            refuse_target(os.fspath(path), self.model.path, force)
            if self.place is not None and self.place.file == "ort":
                from lightweight_cli.jobs.ort_file import refuse_name

                refuse_name(os.fspath(path), force)
            return self._finish(os.fspath(path), data, labels, options, publish=True, check=check)

    def _finish(self, target: str, data: Data | None, labels: Any, options: dict[str, Any], *, publish: bool,
                check: bool = True) -> Report:
        """Check and publish. Raises: LwcError."""
        from lightweight_cli.jobs.beforehand import refuse_gates
        from lightweight_cli.jobs.finish import Work, finish
        from lightweight_cli.jobs.given import asked
        from lightweight_cli.report.progress import Progress

        started = time.monotonic()
        again = not publish or self.accuracy is None or data is not None or bool(options)
        with asked(data, labels, options) as (how, gates):
            work = Work("run", __version__, self.model, self.steps, how if check and again else None, gates,
                        skipped="checked before" if check else "check=False", place=self.place)
            refuse_gates(work.check, gates, self.model)
            report = finish(work, target, Progress(None), publish=publish)
        report.seconds = time.monotonic() - started
        if report.gates_failed:
            raise GateError("; ".join(report.gates_failed) + ("; no model was written" if publish else ""))
        if work.check is None and check:
            report.accuracy, report.check_skipped = self.accuracy, None
        self.accuracy = report.accuracy if check else self.accuracy
        return report


def run(model: str | os.PathLike[str] | ModelProto, steps: Iterable[str | Step], *, calibrate: Data | None = None,
        samples: int | None = None, seed: int = 0, target: str | None = None, min_runtime: str | None = None) -> Result:
    """Apply steps such as "prune:sparsity=0.5" to a model file or a ModelProto, which stays as it is.

    `calibrate`: data that choose values, for steps that can use them: files as --calibrate takes them, or feeds (dicts of
    arrays by input name); at most `samples` of them, drawn by `seed`. None: synthetic inputs, in a process of their own.
    `target`, `min_runtime`: where the model goes, and the oldest onnxruntime it is to be loaded by.
    Raises: InputError for the model or the data, UsageError for a step, GateError for a model that the target does not take.
    """
    with speaking():
        parsed = [recipe.parse(s) if isinstance(s, str) else s for s in steps]
        place = asked_for(target, min_runtime, parsed)
        loaded = load(os.fspath(model)) if isinstance(model, (str, os.PathLike)) else _of_proto(model)
        if place is not None:
            refuse_versions(place, loaded, loaded.shown)
        if calibrate is None:
            return Result(loaded, run_steps(loaded, parsed, calibrate=Portion((), "all", samples, seed), target=place), place)
        with written(calibrate) as paths:
            return Result(loaded, run_steps(loaded, parsed, calibrate=Portion(paths, "all", samples, seed), target=place), place)


def verify(reference: str | os.PathLike[str], candidate: str | os.PathLike[str], data: Data | None = None, *,
           labels: str | os.PathLike[str] | np.ndarray | None = None, metric: str | None = None, **more: Any) -> Accuracy:
    """Compare two model files in this process: for models that may be trusted not to crash it.

    `data` and `labels` as for `Result.check`; `more`: seed, samples, batch_size, threads, latency, budget.
    Raises: InputError for the reference or the data, BrokenPromise for the candidate, UsageError for a metric.
    """
    from lightweight_cli.checking import verify as checking

    with speaking():
        one = isinstance(data, (str, os.PathLike))
        return checking.verify(os.fspath(reference), os.fspath(candidate), [data] if one else data,  # type: ignore[arg-type,list-item]
                               labels, metric, **more)  # type: ignore[arg-type]


def _of_proto(proto: ModelProto) -> Model:
    with tempfile.TemporaryFile(prefix="lwc-") as spooled:
        spooled.write(proto.SerializeToString(deterministic=True))
        spooled.flush()
        return load_source(Source(os.dup(spooled.fileno()), "ModelProto"), None)
