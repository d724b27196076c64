"""The table of passes in words, JSON and Markdown: all read from the declarations."""

from __future__ import annotations

from lightweight_cli.pipeline.registry import Parameter, Pass, all_passes


def as_text() -> str:
    """Return the passes and their options, as wide as the terminal."""
    import shutil
    import textwrap

    width, lines = min(shutil.get_terminal_size((100, 24)).columns, 120), []
    for p in all_passes():
        lines += textwrap.wrap(f"{p.name:<10} {'lossy' if p.lossy else 'lossless':<9} {p.summary}", width, subsequent_indent=" " * 21)
        for o in p.parameters:
            lines += textwrap.wrap(f"{o.flag}  {described(o)}", width, initial_indent=" " * 4, subsequent_indent=" " * 8)
    return "\n".join(lines)


def as_json() -> str:
    """Return the declarations as JSON."""
    import json

    return json.dumps([{
        "name": p.name, "lossy": p.lossy, "summary": p.summary, "counts": p.unit, "documentation": p.documentation,
        "options": [{"name": o.word, "type": o.kind.__name__, "default": o.default, "help": o.option.help, "min": o.option.min,
                     "max": o.option.max, "choices": list(o.option.choices)} for o in p.parameters],
    } for p in all_passes()], indent=1)


def as_markdown() -> str:
    """Return the table of passes for the README and the documentation."""
    rows = ["| pass | | what it does | options |", "| --- | --- | --- | --- |"]
    for p in all_passes():
        options = "<br>".join(f"`{o.flag}` {described(o)}" for o in p.parameters).replace("|", "\\|")
        rows.append(f"| `{p.name}` | {'lossy' if p.lossy else 'lossless'} | {p.summary} | {options} |")
    return "\n".join(rows)


def help_text(which: Pass) -> str:
    """Return a pass's documentation as its command's help: without what only a caller in Python needs."""
    paragraphs = which.documentation.split("\n\n")
    kept = []
    for paragraph in paragraphs:
        lines = [line for line in paragraph.split("\n") if not line.startswith(("Returns:", "Raises:"))]
        if lines:
            kept.append("\n".join(lines))
    return "\n\n".join(kept)


def described(o: Parameter) -> str:
    """Return an option's help with what it allows and its default."""
    allowed = f" [{o.option.allowed}]" if o.option.allowed else ""
    default = f" (default {_plain(o.default)})" if o.default not in (None, False, ()) else ""
    return o.option.help.rstrip(".") + allowed + default + "."


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
