"""The report: true to its facts in every form, and safe whatever the names in a model are."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import re
import stat
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from screens import Terminal

from lightweight_cli.checking import shown as figures_of
from lightweight_cli.checking.accuracy import Accuracy, Latency, MetricDrop, OutputFidelity, Pace
from lightweight_cli.checking.gates import GateResult
from lightweight_cli.errors import OutputError, UsageError
from lightweight_cli.pipeline.step_report import Changed, Left, StepReport
from lightweight_cli.report import groups, html, layout, markdown, progress, terminal, words
from lightweight_cli.report.as_json import SCHEMA, document
from lightweight_cli.report.model import Report
from lightweight_cli.report.sizes import human
from lightweight_cli.report.write import check_target, parse, refuse_two_on_stdout, write
from lightweight_cli.runtime.load_cost import Load, LoadCost

HOSTILE = "\x1b[31m[red]<script>alert('1')</script>|`*_&amp;\u202e\n# x\udc80\" onload=\"\\|"


def sample(name: str = "conv") -> Report:
    """Two steps, a labelled check with every kind of output."""
    prune = StepReport("prune:sparsity=0.6", 47_392, "weights set to zero")
    prune.weights = [Changed(f"{name}{i}", "Conv", (64, 32, 3, 3), "float bitmask", 73_728, 31_840) for i in range(4)]
    prune.left = [Left("bias", "Gemm", (10,), 40, "too small to gain"),
                  *(Left(f"n{i}", "MatMul", (64,), 256, f"would not be smaller: {300 + i} bytes") for i in range(9))]
    quantize = StepReport("quantize:bits=4", 3, "weights quantized", notes=["one note"])
    quantize.weights = [Changed(f"{name}{i}", "Conv", (64, 32, 3, 3), "int4 table", 31_840, 11_250) for i in range(3)]
    quantize.left = list(prune.left)
    accuracy = Accuracy(
        False, 16, 500,
        (OutputFidelity("label", "tensor(int64)", agreement=1.0),
         OutputFidelity("logits", "tensor(float)", 0.0123, 38.24, 0.999989, 0.998),
         OutputFidelity("boxes", "tensor(float)", note="its shape depends on the data and differs")),
        MetricDrop("top1", "logits", True, 0.913, 0.912, 0.001, -0.002, 0.004, 500, "matched proportions"),
        Latency(Pace(0.98, 0.95, 1.02, 1.23, 1.2), Pace(0.99, 0.98, 1.0, 2.2, 2.18), 31, 2, 1))
    return Report("run", "0.1.0", "model.onnx", "small.onnx", 316_000, 84_200, [prune, quantize], accuracy,
                  seconds=3.42, reference="original.onnx")


def hostile() -> Report:
    """Every text that a model or a user can set."""
    report = sample(HOSTILE)
    step = StepReport(HOSTILE, 1, HOSTILE, notes=[HOSTILE])
    step.left = [Left(HOSTILE, HOSTILE, (), 1, HOSTILE)]
    step.weights = [Changed(HOSTILE, HOSTILE, (1,), HOSTILE, 2, 1)]
    report.accuracy = Accuracy(
        True, 1, 1, (OutputFidelity(HOSTILE, "t", 1.0, 1.0, 1.0, 1.0), OutputFidelity(HOSTILE, "t", note=HOSTILE)),
        MetricDrop("top1", HOSTILE, True, 1.0, math.nan, math.nan, math.nan, math.inf, 1, HOSTILE),
        latency_skipped=HOSTILE, load_skipped=HOSTILE, provenance=HOSTILE, unverified=HOSTILE)
    report.source = report.output = report.reference = report.passthrough = HOSTILE
    report.steps.append(step)
    report.notes = [HOSTILE]
    report.gates = [GateResult("max-drop", math.nan, math.inf, False, HOSTILE)]
    return report


def shown(report: Report, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    terminal.show(report, stream)
    return stream.getvalue()


@pytest.mark.parametrize(("size", "text"), [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (1_234_567, "1.2 MB"), (999_949, "999.9 KB"), (999_950, "1.0 MB"),
    (-1500, "-1.5 KB"), (4_000_000_000, "4.0 GB"), (10**22, "10000.0 EB")])
def test_sizes(size: int, text: str) -> None:
    assert human(size) == text


@pytest.mark.parametrize(("before", "after", "text"), [
    (316_000, 84_200, "3.75x smaller (73.3 % less)"), (1000, 1000, "same size"), (1000, 995, "0.5 % smaller"),
    (1_000_000, 999_990, "10 bytes smaller"), (1000, 1500, "1.50x larger (50 % more)"), (0, 5, ""),
    (10**9, 10**6, "1,000x smaller (99.9 % less)")])
def test_size_change(before: int, after: int, text: str) -> None:
    assert words.size_change(before, after) == text


def test_nothing_short_of_equal_is_said_to_be_equal() -> None:
    near = OutputFidelity("y", "tensor(float)", 1e-9, 180.0, 0.9999999, 0.999999)
    assert figures_of.figures(near) == ["180.0 dB", "1e-09", "0.99999", "99.99 %"]
    same = OutputFidelity("y", "tensor(float)", 0.0, math.inf, 1.0, 1.0)
    assert figures_of.figures(same) == ["equal", "0", "1", "100 %"]
    assert figures_of.figures(OutputFidelity("y", "tensor(string)")) == [""] * 4


def test_what_loading_costs_is_in_every_form() -> None:
    report = sample()
    assert report.accuracy is not None
    cost = LoadCost(Load(0.46, 0.5, 187_000_000, 143_000_000), Load(0.92, 1.1, 344_000_000, 243_000_000), 3)
    report.accuracy = dataclasses.replace(report.accuracy, load=cost)
    figures = "460 -> 920 ms, peak 187.0 MB -> 344.0 MB, then 143.0 MB -> 243.0 MB"
    assert words.load(cost) == "2.00x the CPU time, 1.84x the peak memory" and words.load_figures(cost) == figures
    assert "".join(shown(report).split()).count("".join(f"{words.load(cost)} {figures}".split())) == 1
    for text in (markdown.render(report), html.render(report)):
        assert words.load(cost) in text and "187.0 MB → 344.0 MB" in text
    assert document(report)["accuracy"]["load"]["candidate"]["peak_bytes"] == 344_000_000


def test_worst_output_comes_first() -> None:
    outputs = (OutputFidelity("a", "t", sqnr=math.inf), OutputFidelity("b", "t"), OutputFidelity("c", "t", sqnr=3.0),
               OutputFidelity("d", "t", sqnr=-math.inf), OutputFidelity("e", "t", agreement=0.5))
    assert [o.name for o in words.worst_first(Accuracy(False, 1, 1, outputs))] == ["d", "c", "e", "a", "b"]


def test_reasons_that_differ_in_detail_are_one_group() -> None:
    found = groups.by_reason(sample().steps[0].left)
    assert [(g.label, g.count, g.before) for g in found] == [
        ("would not be smaller", 9, 9 * 256), ("too small to gain", 1, 40)]
    one = groups.by_reason([Left("a", "Gemm", (1,), 4, "would not be smaller: 5 bytes")])
    assert one[0].label == "would not be smaller: 5 bytes"


def test_contents_count_each_weight_as_its_last_step_left_it() -> None:
    parts = dict(groups.contents(sample().steps, 84_200))
    alone = 40 + 9 * 256
    assert parts == {"float bitmask": 31_840, "int4 table": 33_750, "left alone": alone,
                     "graph and all else": 84_200 - 31_840 - 33_750 - alone}


TEXT = """\
model.onnx 316.0 KB -> small.onnx 84.2 KB   3.75x smaller (73.3 % less)

prune:sparsity=0.6   47,392 weights set to zero
  4  float bitmask  294.9 KB  ->  127.4 KB
  left alone: 10 tensors, 2.3 KB
    9  would not be smaller  2.3 KB  n0, n1, n2, ...
    1  too small to gain       40 B  bias
quantize:bits=4   3 weights quantized
  3  int4 table  95.5 KB  ->  33.8 KB
  left alone: the same 10 tensors
  one note

accuracy   500 samples in 16 batches, against original.onnx
  top1 of logits  0.9130 -> 0.9120  -0.0010, 95 % interval -0.0040 to +0.0020
  output     SQNR  max |error|   cosine  agreement
  logits  38.2 dB       0.0123  0.99998    99.80 %
  label                                      100 %
  boxes: not compared: its shape depends on the data and differs
latency    0.98x the time (0.95 to 1.02), 0.99x the processor time
  1.23 -> 1.20 ms, batch 1, 2 threads, 31 rounds
done in 3.42 s
"""


def test_text() -> None:
    assert shown(sample()) == TEXT


@pytest.mark.parametrize("width", [40, 60, 80])
def test_columns_are_kept(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for report in (sample(), hostile()):
        assert max(map(layout.cells, shown(report).splitlines())) <= width


def test_a_big_model_still_fits_a_screen() -> None:
    step = StepReport("quantize:bits=8", 900, "weights quantized")
    step.weights = [Changed(f"w{i}", "Conv", (9, 9), f"encoding {i % 9}", 324, 81 + i) for i in range(900)]
    step.left = [Left(f"v{i}", "Conv", (9, 9), 324, f"reason {i % 9}") for i in range(90)]
    outputs = tuple(OutputFidelity(f"y{i}", "tensor(float)", 1.0, 30.0 + i, 0.9, 0.9) for i in range(30))
    report = Report("quantize", "1", "a.onnx", "b.onnx", 10**6, 10**5, [step], Accuracy(True, 2, 2, outputs),
                    notes=[f"note {i}" for i in range(50)])
    text = shown(report)
    assert len(text.splitlines()) <= 32
    assert "5 more encodings" in text and "5 more reasons" in text and "26 more outputs, at least as close" in text


def test_synthetic_unchecked_and_failed_are_said() -> None:
    report = sample()
    report.accuracy = Accuracy(
        True, 2, 2, (), unverified="it takes strings", deterministic=False, provenance="not its child")
    text = shown(report)
    for said in ("2 synthetic samples", words.SYNTHETIC, "it takes strings", "random operators", "not its child"):
        assert said in text
    report.accuracy, report.check_skipped = None, "--no-check"
    assert "not checked: --no-check\n" in shown(report)
    report.gates = [GateResult("max-size", 10, 84_200, False, unit="bytes")]
    text = shown(report)
    assert "-> 84.2 KB" in text and "small.onnx" not in text
    report.command = "verify"
    assert "written" not in shown(report)
    report.command, report.gates, report.passthrough = "strip", [], "nothing to remove"
    assert "the input went through unchanged: nothing to remove\n" in shown(report)


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = shown(sample(), Terminal())
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == TEXT
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(sample(), Terminal()) == TEXT
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert shown(sample(), Terminal()) == TEXT


def test_a_closed_stderr_is_no_error() -> None:
    terminal.show(sample(), None)
    quiet = progress.Progress(None)
    quiet("step", 1, 2)
    quiet.close()


def test_rich_is_not_loaded_for_plain_text() -> None:
    code = ("import sys; from lightweight_cli.report import terminal, progress, write; "
            "from lightweight_cli.report.model import Report; "
            "terminal.show(Report('strip', '1', 'a', 'b', 2, 1), sys.stderr); "
            "print([m for m in ('rich', 'numpy', 'onnx', 'onnxruntime') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n" and "2.00x smaller" in done.stderr


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_names_cannot_steer_a_terminal(stream: type[io.StringIO]) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown(hostile(), stream())) if stream is Terminal else shown(hostile())
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\x1b[31m" not in shown(hostile(), stream())
    assert r"\x1b[31m[red]<script>" in text


@given(st.text(st.sampled_from("ab  漢\u0301é"), max_size=60), st.integers(4, 20), st.integers(0, 30))
def test_wrapping_keeps_every_word_and_the_width(text: str, width: int, hang: int) -> None:
    whole = layout.line(layout.Span(text[:7], "head"), text[7:], hang=hang)
    parts = ["".join(s.text for s in part) for part in layout.wrap(whole, width)]
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(layout.cells(p) <= width for p in parts)


def test_a_number_is_not_parted_from_its_unit() -> None:
    for width in range(9, 40):
        text = "peak 2.4 MB -> 3.3 MB, 12.6 ms, 38.2 dB"
        assert "".join("".join(s.text for s in part) + "\n" for part in layout.wrap(layout.line(text), width)).count(" MB") == 2
    for width in range(8, 20):
        assert not any(part[0].text.strip().startswith("%") or part[-1].text.strip().startswith("%")
                       for part in layout.wrap(layout.line("3.89x smaller (74.2 % less)"), width))


def refuse_constant(name: str) -> Any:
    raise AssertionError(name)


def test_json_is_strict_and_complete(tmp_path: Path) -> None:
    write(hostile(), str(tmp_path / "r.json"))
    data = json.loads((tmp_path / "r.json").read_bytes(), parse_constant=refuse_constant)
    assert data["schema"] == SCHEMA and data["status"] == "rejected"
    data = document(sample())
    assert data["ratio"] == 316_000 / 84_200 and data["status"] == "written"
    assert Accuracy.from_json(data["accuracy"]) == sample().accuracy
    assert [len(s["weights"]) for s in data["steps"]] == [4, 3]
    assert [len(s["left_alone"]) for s in data["steps"]] == [10, 10]


def inline(source: str) -> list[Any]:
    tokens = MarkdownIt("commonmark").enable("table").parse(source)
    return [t for token in tokens if token.type == "inline" for t in token.children or []]


@given(st.text(max_size=30) | st.text(st.sampled_from("`|\\ a*"), max_size=12))
def test_markdown_takes_names_literally(name: str) -> None:
    expected = words.safe(name) or " "
    (span,) = inline(f"## {markdown.code(name)}")
    assert (span.type, span.content) == ("code_inline", expected)
    cells = inline(markdown.table(["a", "b"], [[markdown.code(name), "end"]]))
    if "\\|" not in name:
        assert [c.content for c in cells] == ["a", "b", expected, "end"]
    assert len(cells) == 4


@given(st.text(st.sampled_from("`|*_[]()<>&#!~@a1.-+{} "), min_size=1, max_size=20))
def test_markdown_takes_prose_literally(text: str) -> None:
    assert {t.type for t in inline(f"x {markdown.prose(text)}")} == {"text"}
    assert "".join(t.content for t in inline(f"x {markdown.prose(text)} y")) == f"x {text} y"


def test_markdown_lists_every_weight() -> None:
    text = markdown.render(sample())
    assert all(f"| `n{i}` | MatMul | 64 | 256 |" in text for i in range(9))
    assert "| top1 | `logits` | 0.9130 → 0.9120 |" in text
    assert "3.75x smaller" in text and "against `original.onnx`" in text
    assert not any(t.type == "html_inline" for t in inline(markdown.render(hostile())))


class Page(HTMLParser):
    """What a browser would see."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle"):
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_one_safe_page() -> None:
    source = html.render(hostile())
    page = Page(source)
    assert page.open == [] and "script" not in page.seen and "onload" not in page.attributes
    assert words.safe(HOSTILE) in page.text
    assert "http" not in source.replace("http-equiv", "")
    page = Page(html.render(sample()))
    assert page.seen.count("svg") == 3 and page.seen.count("circle") == 1
    assert all(f"n{i}" in page.text for i in range(9)) and "3.75x smaller" in page.text


@pytest.mark.parametrize(("suffix", "begin"), [(".json", "{"), (".md", "## lwc run"), (".HTML", "<!DOCTYPE html>")])
def test_the_suffix_picks_the_form(suffix: str, begin: str, tmp_path: Path) -> None:
    path = tmp_path / f"report{suffix}"
    path.write_text("old")
    umask = os.umask(0o022)
    try:
        write(sample(), str(path))
        write(hostile(), str(path))
    finally:
        os.umask(umask)
    write(sample(), str(path))
    assert path.read_text(encoding="utf-8").startswith(begin)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == [path.name]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to(tmp_path / "real.md")
    write(sample(), str(tmp_path / "link.md"))
    assert (tmp_path / "link.md").is_symlink() and (tmp_path / "real.md").read_text().startswith("##")


@pytest.mark.parametrize(("name", "error", "said"), [
    ("report.txt", UsageError, "must end in .json, .md or .html, or be written json:FILE, md:FILE or html:FILE"),
    ("xml:report.txt", UsageError, "must end in"),
    ("md:", UsageError, "must end in"),
    ("json:missing/report", OutputError, "does not exist"),
    ("report", UsageError, "must end in"),
    ("missing/report.md", OutputError, "does not exist"),
    ("folder.md", OutputError, "not a regular file"),
    ("file/report.md", OutputError, "Not a directory"),
])
def test_refused_names(name: str, error: type[Exception], said: str, tmp_path: Path,
                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(error, match=said):
        check_target(name)
    with pytest.raises(error, match=said):
        write(sample(), name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.md"]


def test_a_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.md"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write(sample(), str(path))
    assert os.listdir(tmp_path) == ["report.md"] and path.read_text() == "old"


@pytest.mark.parametrize(("text", "form", "path"), [
    ("-", "json", "-"), ("md:-", "md", "-"), ("md:summary", "md", "summary"), ("html:a.json", "html", "a.json"),
    ("json:md:x", "json", "md:x"), ("odd:name.md", "md", "odd:name.md"), ("a.JSON", "json", "a.JSON")])
def test_the_form_can_be_named(text: str, form: str, path: str) -> None:
    assert parse(text) == (form, path)


def test_a_report_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write(sample(), "-")
    assert json.loads(capsys.readouterr().out)["bytes_after"] == 84_200
    write(hostile(), "md:-")
    assert capsys.readouterr().out.startswith("## lwc run")
    refuse_two_on_stdout(["-", "a.md"], model=False)
    with pytest.raises(UsageError, match="report -: standard output is the model's; name a file"):
        refuse_two_on_stdout(["a.md", "-"], model=True)
    with pytest.raises(UsageError, match="report md:-: standard output has a report already"):
        refuse_two_on_stdout(["-", "md:-"], model=False)


def test_the_summary_of_a_job_is_appended_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary"
    summary.write_text("# earlier\n")
    write(sample(), f"md:{summary}")
    assert summary.read_text().startswith("## lwc run"), "an ordinary file is replaced"
    summary.write_text("# earlier\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write(sample(), f"md:{summary}")
    write(sample(), f"md:{summary}")
    text = summary.read_text()
    assert text.startswith("# earlier\n## lwc run") and text.count("\n## lwc run") == 2
