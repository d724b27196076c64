"""Write the pages that are made from the declarations: python docs/generate.py [--check].

docs/passes.md, docs/cli.md and the two schemas are whole; README.md, docs/encodings.md and docs/targets.md have parts between
<!-- name --> and <!-- /name -->: the passes, what `make demo` prints, and the tables of encodings and targets. With --check
nothing is written, and stale pages are an error; what the demo measures (accuracy, latency, seconds) differs between machines and is
not compared.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import encodings_table
import report_schema
import sensitivity_schema
import targets_table

import lightweight_cli.passes  # noqa: F401  hands over the declarations
from lightweight_cli.cli import listing, places
from lightweight_cli.pipeline.registry import all_passes

GATE = re.compile(r"(?m)^(  max-drop +at most [\d.]+ +)\S+")
"""In the demo: the row of its gate, up to the value."""
PROGRESS = re.compile(r"(?m)^lwc: [\d.]+ (?:s|min).*\n")
"""What a slow machine says of long stages."""
ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by docs/generate.py from the declarations; do not edit. -->\n\n"
MEASURED = re.compile(r"(<!-- demo -->\n.*?\naccuracy [^\n]*\n).*?(<!-- /demo -->)", re.DOTALL)
"""In the demo: what follows the line that says on what the models were compared."""


def passes_page() -> str:
    """Return docs/passes.md."""
    parts = [NOTE + "# Passes\n\n", listing.as_markdown(), "\n"]
    for each in all_passes():
        options = "".join(f"- `{o.flag}`: {listing.described(o)}\n" for o in each.parameters)
        parts.append(f"\n## {each.name}\n\n{each.documentation}\n" + (f"\n{options}" if options else ""))
    return "".join(parts)


def cli_page() -> str:
    """Return docs/cli.md: the help of every command."""
    names = ["", *(p.name for p in all_passes()), "run", "verify", "sensitivity", "inspect", "passes", "targets"]
    parts = [NOTE + "# The command line\n"]
    for name in names:
        words = [*([name] if name else []), "--help"]
        text = subprocess.run([sys.executable, "-m", "lightweight_cli", *words], check=True, capture_output=True, text=True,
                              env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}).stdout
        text = text.replace("python -m lightweight_cli", "lwc")
        parts.append(f"\n## lwc{' ' + name if name else ''}\n\n```\n{text.rstrip()}\n```\n")
    return "".join(parts)


def demo() -> str:
    """Return what the command of `make demo` prints without a terminal, in 80 columns."""
    planned = subprocess.run(["make", "--dry-run", "--no-print-directory", "demo"], cwd=ROOT, check=True,
                             capture_output=True, text=True).stdout
    command = next(line for line in planned.replace("\\\n", " ").splitlines() if "/lwc " in line)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sample_models").symlink_to(ROOT / "sample_models")
        (Path(folder) / "out").mkdir()
        run = subprocess.run([sys.executable, "-m", "lightweight_cli", *shlex.split(command)[1:]], cwd=folder, check=True,
                             capture_output=True, text=True, env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"})
    shown = " ".join(["lwc", *command.split()[1:]]).replace(" --data", " \\\n      --data")
    said = PROGRESS.sub("", run.stderr).rstrip()
    return f"```\n$ {shown}\n{said}\n```"


def stable(text: str) -> str:
    """Return a page without what the demo measured."""
    return GATE.sub(r"\1", MEASURED.sub(r"\1\2", text))


def filled(text: str, name: str, body: str) -> str:
    """Return `text` with the part called `name` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"no part <!-- {name} --> to fill")
    return pattern.sub(lambda m: m[1] + body.rstrip() + "\n" + m[2], text)


def pages() -> dict[Path, str]:
    """Return every generated page and its text."""
    readme, encodings, targets = ROOT / "README.md", ROOT / "docs/encodings.md", ROOT / "docs/targets.md"
    return {
        ROOT / "docs/passes.md": passes_page(),
        ROOT / "docs/cli.md": cli_page(),
        ROOT / "docs/report.schema.json": json.dumps(report_schema.schema(), indent=1) + "\n",
        ROOT / "docs/sensitivity.schema.json": json.dumps(sensitivity_schema.schema(), indent=1) + "\n",
        readme: filled(filled(readme.read_text(), "passes", listing.as_markdown()), "demo", demo()),
        encodings: filled(encodings.read_text(), "encodings", encodings_table.table()),
        targets: filled(filled(filled(targets.read_text(), "targets", places.as_markdown()), "releases", places.releases_as_markdown()),
                        "runs", targets_table.table()),
    }


def main() -> int:
    """Write the pages, or check them. Returns: the exit status."""
    stale = {path: text for path, text in pages().items() if not path.exists() or stable(path.read_text()) != stable(text)}
    for path, text in stale.items():
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is stale: make docs", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
