"""The report as a file, in the form that the file's name asks for."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.errors import OutputError, UsageError, one_of, printable
from lightweight_cli.model.sibling import sibling

if TYPE_CHECKING:
    from lightweight_cli.report.model import Report


def write(report: Report, path: str) -> None:
    """Write the report to `path` (.json, .md or .html), whole or not at all.

    Raises: UsageError for another name; OutputError.
    """
    check_target(path)
    text = _FORMS[_suffix(path)](report)
    target = os.path.realpath(path)
    temporary = sibling(target)
    try:
        fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            with open(fd, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(text)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as e:
        raise OutputError(f"report {printable(path)}: {e.strerror}") from e


def check_target(path: str) -> None:
    """Refuse, before any work is done, a name that `write` would refuse.

    Raises: UsageError for a suffix other than .json, .md and .html; OutputError for a folder that
        does not exist, or a target that is not a regular file.
    """
    shown = f"report {printable(path)}"
    if path == "-":
        raise UsageError("report -: can't go to standard output, which is the model's; name a file")
    if _suffix(path) not in _FORMS:
        raise UsageError(f"{shown}: the name must end in {one_of(_FORMS)}")
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


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _json(report: Report) -> str:
    import json

    return json.dumps(report.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _markdown(report: Report) -> str:
    from lightweight_cli.report import markdown

    return markdown.render(report)


def _html(report: Report) -> str:
    from lightweight_cli.report import html

    return html.render(report)


_FORMS: dict[str, Callable[[Report], str]] = {".json": _json, ".md": _markdown, ".html": _html}
