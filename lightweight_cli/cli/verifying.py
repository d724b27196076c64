"""`lwc verify`: two models that exist, compared and held against the gates."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict

from lightweight_cli import __version__
from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import Gates, check
from lightweight_cli.checking.judge import judge
from lightweight_cli.errors import BrokenPromise, GateError, InputError, printable
from lightweight_cli.jobs.beforehand import refuse_gates
from lightweight_cli.model.load import load
from lightweight_cli.report.model import Report
from lightweight_cli.report.progress import Progress


def compare(reference: str, candidate: str, how: Check, gates: Gates, *, quiet: bool, json_out: bool, reports: tuple[str, ...]) -> None:
    """Compare two model files and report it. Raises: LwcError; GateError when a gate fails."""
    from lightweight_cli.report import write as report_file

    started = time.monotonic()
    for path in reports:
        report_file.check_target(path)
    models = [load(path) for path in (reference, candidate)]
    refuse_gates(how, gates, models[0])
    before, after = (m.total_size for m in models)
    progress = Progress(sys.stderr, quiet=quiet)
    try:
        accuracy = judge(models[0].reopened, models[1].reopened, how, pass_fds=[m.source.fd for m in models],
                         progress=lambda stage, done, total: progress(f"check: {stage}", done, total or 0))
    except BrokenPromise as e:  # lwc need not have made the candidate
        raise InputError(f"{printable(candidate)}: {str(e).removeprefix('the result ')}") from e
    finally:
        progress.close()
    report = Report("verify", __version__, printable(reference), printable(candidate), before, after, accuracy=accuracy,
                    gates=check(gates, accuracy, after), check=asdict(how), seconds=time.monotonic() - started)
    if reports or json_out:
        report.source_sha256, report.output_sha256 = (m.digest for m in models)
    for path in (*reports, *["-"] * json_out):
        report_file.write(report, path)
    if not quiet:
        from lightweight_cli.report.terminal import show

        show(report, sys.stderr)
    if report.gates_failed:
        raise GateError("; ".join(report.gates_failed))
