"""The report as a file, in the form that its name asks for: FILE.json, md:FILE, or "-" for JSON on standard output."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.errors import OutputError, UsageError, one_of, printable
from lightweight_cli.model.sibling import sibling

if TYPE_CHECKING:
    from lightweight_cli.report.model import Report


class Target(NamedTuple):
    """Where a report goes, and in which form."""

    form: str
    """json, md or html."""
    path: str
    """A file; "-": standard output."""


def parse(text: str) -> Target:
    """Read FILE.json, FORM:FILE or "-", which is JSON on standard output. Raises: UsageError."""
    form, colon, path = text.partition(":")
    if colon and form in FORMS and path:
        return Target(form, path)
    if text == "-":
        return Target("json", text)
    form = SUFFIXES.get(os.path.splitext(text)[1].lower(), "")
    if not form:
        forms = one_of(f"{form}:FILE" for form in FORMS)
        raise UsageError(f"report {printable(text)}: the name must end in {one_of(SUFFIXES)}, or be written {forms}")
    return Target(form, text)


def write(report: Report | Sequence[Report], text: str) -> None:
    """Write the report, or those of several candidates, where `text` says, whole or not at all; to $GITHUB_STEP_SUMMARY it is appended.

    Raises: UsageError for what `parse` refuses; OutputError.
    """
    form = parse(text).form
    deliver(FORMS[form](report) if not isinstance(report, Sequence) else _several(report, form), text)


def deliver(body: str, text: str) -> None:
    """Write what is to be in a report where `text` says. Raises: UsageError for what `parse` refuses; OutputError."""
    check_target(text)
    path = parse(text).path
    if path == "-":
        sys.stdout.write(body.encode(sys.stdout.encoding or "utf-8", "backslashreplace").decode(sys.stdout.encoding or "utf-8"))
        sys.stdout.flush()
        return
    target = os.path.realpath(path)
    try:
        if _is_summary(target):
            with open(target, "a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(body + "\n")
            return
        temporary = sibling(target)
        fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            with open(fd, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(body)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as e:
        raise OutputError(f"report {printable(path)}: {e.strerror}") from e


def check_target(text: str, several: bool = False) -> None:
    """Refuse, before any work is done, a target that `write` would refuse; `several` reports are no page of HTML.

    Raises: UsageError for another form than json, md and html, or a closed standard output; OutputError for a
        folder that does not exist, or a target that is not a regular file.
    """
    form, path = parse(text)
    shown = f"report {printable(path)}"
    if several and form == "html":
        raise UsageError(f"{shown}: an HTML report is of one candidate; use .json or .md for several")
    if path == "-":
        if sys.stdout is None:
            raise UsageError(f"{shown}: standard output is closed; name a file")
        return
    target = os.path.realpath(path)
    try:
        if not stat.S_ISREG(os.stat(target).st_mode):
            raise OutputError(f"{shown}: exists and is not a regular file")
    except FileNotFoundError:
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise OutputError(f"{shown}: the folder {printable(folder)} does not exist") from None
    except OSError as e:
        raise OutputError(f"{shown}: {e.strerror}") from e


def refuse_two_on_stdout(texts: Sequence[str], model: bool) -> None:
    """Refuse reports on standard output that the model takes, or of which there are two. Raises: UsageError."""
    streamed = [text for text in texts if parse(text).path == "-"]
    if streamed and model:
        raise UsageError(f"report {streamed[0]}: standard output is the model's; name a file, or send the model to one with -o")
    if len(streamed) > 1:
        raise UsageError(f"report {streamed[1]}: standard output has a report already")


def _is_summary(target: str) -> bool:
    """Whether a file is the one that GitHub shows as the summary of a job: every step appends to it."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    return bool(summary) and os.path.realpath(str(summary)) == target


def _several(reports: Sequence[Report], form: str) -> str:
    from lightweight_cli.report import compared

    return compared.as_json(reports) if form == "json" else compared.as_markdown(reports)


def _json(report: Report) -> str:
    from lightweight_cli.report import as_json

    return as_json.render(report)


def _markdown(report: Report) -> str:
    from lightweight_cli.report import markdown

    return markdown.render(report)


def _html(report: Report) -> str:
    from lightweight_cli.report import html

    return html.render(report)


FORMS: dict[str, Callable[[Report], str]] = {"json": _json, "md": _markdown, "html": _html}
SUFFIXES = {f".{form}": form for form in FORMS}
