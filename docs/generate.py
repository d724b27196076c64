"""Write the pages that are made from the declarations: python docs/generate.py [--check].

docs/passes.md and docs/cli.md are whole; README.md and docs/encodings.md have parts between
<!-- name --> and <!-- /name -->. With --check nothing is written, and stale pages are an error.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from lightweight_cli import listing
from lightweight_cli.registry import all_passes

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by docs/generate.py from the declarations; do not edit. -->\n\n"


def passes_page() -> str:
    """Return docs/passes.md."""
    parts = [NOTE + "# Passes\n\n", listing.as_markdown(), "\n"]
    for each in all_passes():
        options = "".join(f"- `{o.flag}`: {listing.described(o)}\n" for o in each.parameters)
        parts.append(f"\n## {each.name}\n\n{each.documentation}\n" + (f"\n{options}" if options else ""))
    return "".join(parts)


def cli_page() -> str:
    """Return docs/cli.md: the help of every command."""
    names = ["", *(p.name for p in all_passes()), "run", "verify", "inspect", "passes"]
    parts = [NOTE + "# The command line\n"]
    for name in names:
        words = [*([name] if name else []), "--help"]
        text = subprocess.run([sys.executable, "-m", "lightweight_cli", *words], check=True, capture_output=True, text=True,
                              env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}).stdout
        text = text.replace("python -m lightweight_cli", "lwc")
        parts.append(f"\n## lwc{' ' + name if name else ''}\n\n```\n{text.rstrip()}\n```\n")
    return "".join(parts)


def filled(text: str, name: str, body: str) -> str:
    """Return `text` with the part called `name` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"no part <!-- {name} --> to fill")
    return pattern.sub(lambda m: m[1] + body.rstrip() + "\n" + m[2], text)


def pages() -> dict[Path, str]:
    """Return every generated page and its text."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs/passes.md": passes_page(),
        ROOT / "docs/cli.md": cli_page(),
        readme: filled(readme.read_text(), "passes", listing.as_markdown()),
    }


def main() -> int:
    """Write the pages, or check them. Returns: the exit status."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is stale: make docs", file=sys.stderr)
        else:
            path.write_text(pages()[path])
            print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
