"""The table of targets in words, JSON and Markdown: all read from the declarations."""

from __future__ import annotations

from lightweight_cli.targets.runtimes import RELEASES, spelled
from lightweight_cli.targets.table import TARGETS
from lightweight_cli.targets.target import Target

EVIDENCE = {"run": "run here", "documents": "from documents, not run here"}


def as_text() -> str:
    """Return the targets and what each cannot take, as wide as the terminal."""
    import shutil
    import textwrap

    width, lines = min(shutil.get_terminal_size((100, 24)).columns, 120), []
    for target in TARGETS.values():
        lines += textwrap.wrap(f"{target.name:<12} {target.what}", width, subsequent_indent=" " * 13)
        for title, said in facts(target):
            lines += textwrap.wrap(f"{title}: {said}", width, initial_indent=" " * 4, subsequent_indent=" " * 8)
    lines += textwrap.wrap(f"--min-runtime, with {next(iter(TARGETS))}: {releases()}; a newer release takes what the last does, and more.",
                           width, subsequent_indent=" " * 4)
    return "\n".join(lines)


def facts(target: Target) -> list[tuple[str, str]]:
    """Return what is to be said of a target, each with its title."""
    said = [("folds", target.folds)]
    if target.refused:
        said.append(("no encodings", "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason(target).items())))
    if target.passes:
        said.append(("no passes", ", ".join(target.passes)))
    if target.formats:
        said.append(("no formats of quantize", ", ".join(target.formats)))
    if target.must_not:
        said.append(("must not get", "; ".join(target.must_not)))
    return [*said, (EVIDENCE[target.evidence], target.source)]


def by_reason(target: Target) -> dict[str, list[str]]:
    """Return the encodings that are not written for a target, by what would become of them."""
    found: dict[str, list[str]] = {}
    for name, why in target.refused.items():
        found.setdefault(why, []).append(name)
    return found


def releases() -> str:
    """Return what releases of onnxruntime take, in words."""
    return ", ".join(f"{spelled(version)}: opset {release.opset}, IR {release.ir}" for version, release in RELEASES.items())


def as_json() -> str:
    """Return the declarations as JSON."""
    import json

    return json.dumps([{
        "name": t.name, "what": t.what, "evidence": t.evidence, "source": t.source, "folds": t.folds, "file": t.file,
        "refused_encodings": dict(t.refused), "must_not_get": list(t.must_not),
        "refused_passes": {name: {"why": r.why, "instead": r.instead} for name, r in t.passes.items()},
        "refused_formats": {name: {"why": r.why, "instead": r.instead} for name, r in t.formats.items()},
        "releases": {spelled(v): {"opset": r.opset, "ir": r.ir, "refused_encodings": list(r.refused)} for v, r in RELEASES.items()}
        if t.name == next(iter(TARGETS)) else {},
    } for t in TARGETS.values()], indent=1)


def as_markdown() -> str:
    """Return the table of targets for the documentation."""
    rows = ["| target | | what it does not take | how it is known |", "| --- | --- | --- | --- |"]
    for t in TARGETS.values():
        said = [f"{title}: {text}" for title, text in facts(t)[1:-1]]
        rows.append(f"| `{t.name}` | {t.what}; {t.folds} | {'<br>'.join(said) or 'nothing'} | {EVIDENCE[t.evidence]}: {t.source} |")
    return "\n".join(rows)


def releases_as_markdown() -> str:
    """Return what releases of onnxruntime take, as a table."""
    rows = ["| onnxruntime | opset up to | IR up to | not there |", "| --- | --- | --- | --- |"]
    for version, release in RELEASES.items():
        missing = [*(f"{name} encoding" for name in release.refused), *release.lacks]
        rows.append(f"| {spelled(version)} | {release.opset} | {release.ir} | {', '.join(missing)} |")
    return "\n".join(rows)
