"""One hint what to try next, where a result is rejected or poor."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from lightweight_cli.report import grades

if TYPE_CHECKING:
    from lightweight_cli.pipeline.step_report import Changed, StepReport
    from lightweight_cli.report.model import Report

FIDELITY = {"max-drop", "min-sqnr", "min-agreement"}
"""Gates on what the outputs are."""


def hint(report: Report) -> str | None:
    """Return the most promising thing to try, or None where nothing is wrong, or nothing is known to help."""
    missed = {g.name for g in report.gates if not g.passed}
    if any(not g.passed and g.why is not None for g in report.gates):
        return None  # the reason says what is missing
    if missed == {"max-size"}:
        return _smaller(report)
    accuracy = report.accuracy
    if accuracy is None or not (missed & FIDELITY or not missed and poor(report)):
        return None
    if accuracy.synthetic:
        return "judge by inputs as the model will see them: --data FILE"
    step = min((s for s in reversed(report.steps) if s.weights and s.name in GENTLER), key=_harm, default=None)
    return GENTLER[step.name](report, step) if step is not None else None


def poor(report: Report) -> bool:
    """Whether a figure of the check is poor."""
    accuracy = report.accuracy
    if accuracy is None:
        return False
    lost = accuracy.metric is not None and accuracy.metric.low is not None and accuracy.metric.low > 0
    return lost or any(grades.sqnr(o.sqnr) or grades.agreement(o.agreement) for o in accuracy.outputs)


def worst(step: StepReport) -> Changed | None:
    """Return the weight of a step whose values suffered most, where it stands out among the others."""
    known = [(w.sqnr, w) for w in step.weights if w.sqnr is not None]
    if len(known) < 3:
        return None
    lowest, weight = min(known, key=lambda pair: pair[0])
    return weight if lowest <= _median([value for value, _ in known]) - grades.NEAR else None


def _harm(step: StepReport) -> float:
    """Return the median SQNR of a step's weights: the step with the lowest did the most harm."""
    return _median([w.sqnr for w in step.weights if w.sqnr is not None] or [0.0])


def _median(values: list[float]) -> float:
    from statistics import median  # which brings fractions and decimals along: only where a report is told

    return median(values)


def _quantize(report: Report, step: StepReport) -> str | None:
    options = step.options
    if options.get("granularity", "block") != "block":
        return _option(report, step, "granularity", "block")
    return _without_worst(report, step) or (_option(report, step, "bits", 8) if options.get("bits") == 4 else None)


def _share(report: Report, step: StepReport) -> str | None:
    options = step.options
    if options.get("vector", 1) > 1 and options.get("stages", 1) < 8:
        return _option(report, step, "stages", options["stages"] + 1)
    bits = options.get("bits", 8)
    return _without_worst(report, step) or (_option(report, step, "bits", bits + 1) if bits < 8 else None)


def _prune(report: Report, step: StepReport) -> str | None:
    share = step.options.get("sparsity")
    if share is not None:
        return _option(report, step, "sparsity", f"{share * 0.8:.2g}")
    name = "threshold" if step.options.get("threshold") is not None else "relative"
    limit = step.options.get(name)
    return None if limit is None else _option(report, step, name, f"{limit / 2:.2g}")


def _prune_channels(report: Report, step: StepReport) -> str | None:
    name = next((n for n in ("ratio", "macs", "channels") if step.options.get(n) is not None), None)
    return None if name is None else _option(report, step, name, f"{step.options[name] * 0.8:.2g}")


def _student(report: Report, step: StepReport) -> str | None:
    name = next((n for n in ("width", "depth") if step.options.get(n) is not None), None)
    return None if name is None else _option(report, step, name, f"{1 - (1 - step.options[name]) * 0.8:.2g}")


def _half(report: Report, step: StepReport) -> str | None:
    return _without_worst(report, step) or (_option(report, step, "type", "bfloat16") if step.options.get("type") == "float16" else None)


GENTLER = {"quantize": _quantize, "share": _share, "prune": _prune, "prune-channels": _prune_channels, "student": _student,
           "half": _half}


def _without_worst(report: Report, step: StepReport) -> str | None:
    weight = worst(step)
    if weight is None or "exclude" not in step.options:
        return None
    name = re.sub(r"[^\w./:-]", "?", weight.name)
    return f"{_option(report, step, 'exclude', name)}, the weight that suffered most ({weight.sqnr:.1f} dB)"


def _smaller(report: Report) -> str | None:
    step = next((s for s in reversed(report.steps) if s.name in GENTLER), None)
    if step is not None and step.name == "quantize" and step.options.get("bits") == 8:
        return _option(report, step, "bits", 4)
    if step is None and report.steps:
        return "a lossy pass: lwc quantize, share or prune"
    return "prune before it: lwc run -p prune:sparsity=0.5 -p ..." if step is not None and step.name != "prune" else None


def _option(report: Report, step: StepReport, name: str, value: object) -> str:
    """Return an option as the reader would write it."""
    if report.command == "run":
        return f"{step.name}:{name}={value}"
    return f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
