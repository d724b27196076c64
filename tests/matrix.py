"""Run the tests on every Python from 3.10 on that is on PATH, and on the oldest dependencies that pyproject.toml claims.

    python tests/matrix.py [--python 3.13 ...] [--oldest-only] [-- pytest arguments]

The oldest dependencies are tried on the oldest Python, for which they still have wheels; every Python gets the newest ones.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
PLACE = REPOSITORY / "build" / "matrix"
TOOLS = ("pytest>=8", "hypothesis>=6.100", "jsonschema>=4.18")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


class Row(NamedTuple):
    """One environment."""

    python: str
    oldest: bool

    @property
    def name(self) -> str:
        """The environment in words."""
        return f"Python {self.python}, {'oldest' if self.oldest else 'newest'} dependencies"


def requirements(oldest: bool) -> list[str]:
    """Return what to install beside the package: the lower bounds that it declares, or nothing."""
    text = (REPOSITORY / "pyproject.toml").read_text()
    declared = re.findall(r'"([\w-]+)>=([\d.]+)"', text.partition("dependencies = [")[2].partition("]")[0])
    return [f"{name}=={version}" for name, version in declared] if oldest else []


def interpreter(version: str) -> str | None:
    """Return the path of pythonX.Y: on PATH, or among pyenv's."""
    own = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    found = shutil.which(f"python{version}")
    works = found and subprocess.run([found, "--version"], capture_output=True).returncode == 0  # pyenv's shims may not
    return found if works else str(own[-1]) if own else None


def prepare(row: Row, python: str) -> Path:
    """Make the environment. Returns: its interpreter."""
    folder = PLACE / f"{row.python}-{'oldest' if row.oldest else 'newest'}"
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    own = folder / "bin" / "python"
    install = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", "numpy,onnx,onnxruntime"]
    subprocess.run([*install, *requirements(row.oldest), *TOOLS, "--editable", str(REPOSITORY)], check=True)
    return own


def main() -> int:
    """Run the matrix. Returns: 1 if a row failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", metavar="X.Y", help="only this version; repeatable")
    parser.add_argument("--oldest-only", action="store_true", help="only the oldest dependencies")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest; by default: all but slow tests")
    given = parser.parse_args()
    found = {v: path for v in given.python or PYTHONS if (path := interpreter(v))}
    if not found:
        parser.error(f"none of {', '.join(given.python or PYTHONS)} is here")
    rows = [Row(min(found, key=PYTHONS.index), True)] if given.oldest_only or not given.python or "3.10" in found else []
    rows += [] if given.oldest_only else [Row(v, False) for v in found]
    results: dict[str, str] = {}
    for row in rows:
        print(f"== {row.name}", flush=True)
        try:
            own = prepare(row, found[row.python])
        except subprocess.CalledProcessError:
            results[row.name] = "does not install"
            continue
        versions = subprocess.run([own, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True).stdout
        print(*re.findall(r"^(?:numpy|onnx|onnxruntime|typer|rich)==\S+", versions, re.M), flush=True)
        tests = subprocess.run([own, "-m", "pytest", *(given.pytest or ["-m", "not slow"])], cwd=REPOSITORY)
        results[row.name] = "passed" if tests.returncode == 0 else "failed"
    print(*(f"{result:<17}{name}" for name, result in results.items()), sep="\n")
    return int(any(r != "passed" for r in results.values()))


if __name__ == "__main__":
    sys.exit(main())
