"""The facts of a report in few words, the same in every form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lightweight_cli.checking.kinds import SPREAD, counted, spread
from lightweight_cli.checking.shown import decibels, not_above, value
from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy, Latency, LoadCost, MetricDrop, OutputFidelity
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.report.model import Report

SYNTHETIC = "synthetic fidelity, not task accuracy"
FIGURES = ("SQNR", "max |error|", "cosine", "agreement")
"""The columns of `figures`."""


def safe(text: str) -> str:
    """Return `text` with all that could steer a terminal escaped; what `printable` returned stays as it is."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def size_change(before: int, after: int) -> str:
    """Say how much smaller: "3.75x smaller (73.4 % less)"; a percentage is of the size before."""
    if before == after or not before or not after:
        return "same size" if before == after else ""
    word = "smaller" if after < before else "larger"
    times = max(before, after) / min(before, after)
    if times < 1.1:
        change = 100 * abs(before - after) / before
        return f"{change:.1f} % {word}" if change >= 0.05 else f"{abs(before - after):,} bytes {word}"
    percent = not_above(100 * abs(before - after) / before, 1)
    return f"{_times(times)} {word} ({percent} % {'less' if after < before else 'more'})"


def passthrough(report: Report) -> str:
    """Say what the reason `report.passthrough` is a reason for."""
    return "the input goes through unchanged" if report.gates_failed else "the input went through unchanged"


def basis(accuracy: Accuracy) -> str:
    """Say on what the models were compared."""
    kind = "synthetic " if accuracy.synthetic else ""
    count = plural(accuracy.samples, f"{kind}sample")
    if accuracy.of is not None:
        count = f"{accuracy.samples:,} of {plural(accuracy.of, 'sample')}, as many as --check-time allowed,"
    return f"{count} in {plural(accuracy.batches, 'batch', 'batches')}" if accuracy.batches > 1 else count


def against(report: Report) -> str | None:
    """Say what the accuracy is measured against, where that is not the source."""
    return safe(report.reference) if report.reference and report.reference != report.source else None


def warnings(accuracy: Accuracy) -> list[str]:
    """Return what a reader must know before the figures are used."""
    said = [SYNTHETIC] if accuracy.synthetic else []
    said += [without_data(accuracy)] if accuracy.verdict else []
    if accuracy.unverified:
        said.append(f"values were not compared: {accuracy.unverified}")
    if not accuracy.deterministic:
        said.append("the original gives other values each time (random operators)")
    if accuracy.nothing_finite:
        said.append(accuracy.nothing_finite)
    if accuracy.metric is not None and not accuracy.metric.learnt:
        said.append(no_skill(accuracy.metric))
    return [*said, *accuracy.remarks, *([accuracy.provenance] if accuracy.provenance else [])]


def without_data(accuracy: Accuracy) -> str:
    """Say the verdict on synthetic inputs, and on what it rests: "can't tell without data: 9.1 dB on leaves, 12.0 dB on pink"."""
    used = counted(accuracy.kinds)
    said = f"{accuracy.verdict}: {', '.join(f'{decibels(k.sqnr)} on {k.name}' for k in used)}"
    apart = spread(accuracy.kinds)
    return said + (f"; kinds that are {apart:.0f} dB apart tell little" if apart > SPREAD else "")


def no_skill(metric: MetricDrop) -> str:
    """Say that the original is no better than one answer for all samples."""
    return (f"the original's own {metric.name} is {value(metric.reference)}, no better than one answer for all samples "
            f"({value(metric.chance)}): are these the labels of this data?")


def worst_first(accuracy: Accuracy) -> list[OutputFidelity]:
    """Return the outputs, lowest SQNR and then lowest agreement first."""
    def badness(o: OutputFidelity) -> tuple[float, float]:
        known = o.sqnr is not None and not math.isnan(o.sqnr)
        return (o.sqnr if known and o.sqnr is not None else math.inf, 2.0 if o.agreement is None else o.agreement)

    return sorted(accuracy.outputs, key=badness)


def metric_values(metric: MetricDrop) -> str:
    """Say both values: "0.9130 -> 0.9120"."""
    return f"{value(metric.reference)} -> {value(metric.candidate)}"


def metric_change(metric: MetricDrop) -> str:
    """Say the change and how sure it is: "+0.0010, 95 % interval -0.0020 to +0.0040"; of an error, which way is better."""
    change, low, high = change_of(metric)
    said = _signed(change)
    if not metric.higher_is_better and change:
        said += " (worse)" if change > 0 else " (better)"
    if low is None or high is None:
        return f"{said} ({plural(metric.samples, 'sample')}: no interval)"
    return f"{said}, 95 % interval {_signed(low)} to {_signed(high)}"


def change_of(metric: MetricDrop) -> tuple[float, float | None, float | None]:
    """Return candidate minus reference, and its interval."""
    low, high = metric.low, metric.high
    if metric.higher_is_better:
        return -metric.drop, None if high is None else -high, None if low is None else -low
    return metric.drop, low, high


def metric_style(metric: MetricDrop) -> str:
    """Return the style of a change: bad where the whole interval is a loss."""
    return "bad" if metric.low is not None and metric.low > 0 else ""


def latency(taken: Latency) -> str:
    """Say the ratio by the clock and of processor time: "0.98x the time, 1.01x the processor time"; or that it is too noisy."""
    clock, processor = taken.clock, taken.processor
    told = ["time too noisy to say" if clock.ratio is None else f"{clock.ratio:.2f}x the time ({clock.low:.2f} to {clock.high:.2f})"]
    told.append("processor time too" if processor.ratio is None is clock.ratio else "processor time too noisy to say"
                if processor.ratio is None else f"{processor.ratio:.2f}x the processor time")
    return ", ".join(told)


def latency_times(taken: Latency) -> str:
    """Say the times of one run in both models, where they are steady, and of what."""
    told = [f"{_ms(pace.reference_ms)} -> {_ms(pace.candidate_ms)} ms{what}"
            for pace, what in ((taken.clock, ""), (taken.processor, " of processor time")) if pace.ratio is not None][:1]
    return ", ".join([*told, f"batch {taken.batch}", plural(taken.threads, "thread"), plural(taken.rounds, "round")])


def load(cost: LoadCost) -> str:
    """Say what loading the candidate takes: "2.0x the CPU time, 1.8x the peak memory"."""
    return f"{_times(cost.time_ratio)} the CPU time, {_times(cost.memory_ratio)} the peak memory"


def load_figures(cost: LoadCost) -> str:
    """Say what loading takes of both: "0.46 -> 0.92 s, peak 187.0 MB -> 344.0 MB, then 143.0 MB -> 243.0 MB"."""
    a, b = cost.reference, cost.candidate
    return (f"{_ms(1e3 * a.cpu_s)} -> {_ms(1e3 * b.cpu_s)} ms, peak {human(a.peak_bytes)} -> {human(b.peak_bytes)}, "
            f"then {human(a.after_bytes)} -> {human(b.after_bytes)}")


def duration(seconds: float) -> str:
    """Say how long something took: "0.42 s", "12.3 s", "3 min 20 s"."""
    if seconds < 9.95:
        return f"{seconds:.2f} s"
    if seconds < 119.95:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"


def changed(step: StepReport) -> str:
    """Say what a step changed: "6 weights quantized", "1 weight quantized"."""
    noun, space, rest = step.unit.partition(" ")
    return f"{step.changed:,} {noun.removesuffix('s') if step.changed == 1 else noun}{space}{rest}"


def options(step: StepReport) -> str:
    """Say the options that take effect though they are not in the step's text: "granularity=block keep=0.005"."""
    return " ".join(f"{name}={_option(given)}" for name, given in step.defaults.items())


def shape(dims: tuple[int, ...]) -> str:
    """Return "64 × 3 × 3 × 3"."""
    return " × ".join(map(str, dims)) or "scalar"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return "1 sample", "2 samples"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _option(given: object) -> str:
    return f"{given:g}" if isinstance(given, float) else str(given).lower() if isinstance(given, bool) else str(given)


def _signed(number: float) -> str:
    shown = value(number)
    return f"+{shown}" if number > 0 else shown


def _ms(time: float) -> str:
    return f"{time:.2f}" if time < 10 else f"{time:.1f}" if time < 100 else f"{time:,.0f}"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}x" if ratio < 100 else f"{ratio:,.0f}x"
