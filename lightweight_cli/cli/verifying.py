"""`lwc verify`: models that exist, compared with one and held against the gates."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from onnx import ModelProto

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import Gates, check
from lightweight_cli.checking.judge import Bench
from lightweight_cli.errors import BrokenPromise, GateError, InputError
from lightweight_cli.jobs.beforehand import refuse_gates
from lightweight_cli.jobs.version import __version__
from lightweight_cli.model.load import load, open_source
from lightweight_cli.model.model import Model
from lightweight_cli.report.model import Report
from lightweight_cli.report.progress import Progress
from lightweight_cli.runtime.ort_format import is_ort


def compare(reference: str, candidates: Sequence[str], how: Check, gates: Gates, *, quiet: bool, json_out: bool,
            reports: tuple[str, ...]) -> None:
    """Compare model files with one and report it, several candidates as a table.

    Raises: LwcError; InputError for the first candidate that can't be compared, then GateError when a gate fails.
    """
    from lightweight_cli.report import write as report_file

    for path in reports:
        report_file.check_target(path, several=len(candidates) > 1)
    original = load(reference)
    refuse_gates(how, gates, original)
    opened = [_opened(path) for path in candidates]
    progress = Progress(sys.stderr, quiet=quiet)
    try:
        with Bench(original.reopened, how, pass_fds=[m.source.fd for m in (original, *opened)],
                   progress=lambda stage, done, total: progress(f"check: {stage}", done, total or 0)) as bench:
            compared = [_compared(bench, original, candidate, how, gates, hashes=bool(reports or json_out)) for candidate in opened]
    finally:
        progress.close()
    broken = next((r for r in compared if r.check_skipped is not None), None)
    if broken is not None and len(candidates) == 1:
        raise InputError(f"{broken.output}: {broken.check_skipped}")
    for path in (*reports, *["-"] * json_out):
        report_file.write(compared[0] if len(candidates) == 1 else compared, path)
    if not quiet:
        from lightweight_cli.report.terminal import show

        show(compared[0] if len(candidates) == 1 else compared, sys.stderr)
    if broken is not None:
        raise InputError(f"{broken.output}: {broken.check_skipped}")
    failed = [(r, gate) for r in compared for gate in r.gates_failed]
    if failed:
        raise GateError("; ".join(gate if len(candidates) == 1 else f"{r.output}: {gate}" for r, gate in failed))


def _opened(path: str) -> Model:
    """Return a candidate; of a .ort file, which only onnxruntime reads, no more than the file. Raises: InputError."""
    if not is_ort(path):
        return load(path)
    source = open_source(path)
    size = os.fstat(source.fd).st_size
    return Model(ModelProto(), source, size, size, path)


def _compared(bench: Bench, original: Model, candidate: Model, how: Check, gates: Gates, *, hashes: bool) -> Report:
    """Return the report on one candidate; where it can't be run or compared, `check_skipped` says why."""
    started, accuracy, why = time.monotonic(), None, None
    try:
        accuracy = bench.judge(candidate.reopened)
    except BrokenPromise as e:  # lwc need not have made the candidate
        why = str(e).removeprefix("the result ")
    report = Report("verify", __version__, original.shown, candidate.shown, original.total_size, candidate.total_size,
                    accuracy=accuracy, check_skipped=why, check=asdict(how), seconds=time.monotonic() - started,
                    gates=check(gates, accuracy, candidate.total_size) if accuracy else [])
    if hashes:
        report.source_sha256, report.output_sha256 = original.digest, candidate.digest
    return report
