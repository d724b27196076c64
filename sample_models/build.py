"""Rebuild the sample models: python sample_models/build.py [NAME ...].

Makes its own environment and data cache under build/samples, trains on one thread with fixed seeds
(under seven minutes of CPU time in all), then renews the table of README.md. Needs apt-get, dpkg-deb and npm.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(PROJECT))

from sample_models.fetch import fetch_addresses, fetch_fashion_mnist  # noqa: E402

WORK = PROJECT / "build" / "samples"
FETCH = {"fashion_cnn": fetch_fashion_mnist, "sotu_gru": fetch_addresses, "cancer_mlp": None}
TABLE_START, TABLE_END = "<!-- table from card.json, written by build.py -->", "<!-- end of table -->"


def make_environment() -> Path:
    """Create the training environment once; return its interpreter."""
    python = WORK / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(WORK / "env", with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True)
    return python


def train(python: Path, name: str) -> None:
    """Fetch the data of one sample and run its training script."""
    fetch = FETCH[name]
    data = [] if fetch is None else [fetch(WORK)]
    single_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([python, "-m", f"sample_models.{name}.train", *data], cwd=PROJECT, env=single_thread, check=True)


def render_table() -> str:
    """Describe every sample in one Markdown row, from its card."""
    lines = ["| model | bytes | task | metric | rows | data | from | licence of the data |", "|" + "---|" * 8]
    for name in FETCH:
        card = json.loads((HERE / name / "card.json").read_text(encoding="utf-8"))
        cells = [
            f"[{name}]({name}/)",
            f"{card['bytes']:,}",
            card["task"],
            f"{card['metric']} {card['value']:.4f}",
            f"{card['rows']:,}",
            card["data"],
            card["data_package"],
            card["data_licence"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def renew_readme() -> None:
    """Replace the table in README.md."""
    readme = HERE / "README.md"
    head, rest = readme.read_text(encoding="utf-8").split(TABLE_START)
    tail = rest.split(TABLE_END)[1]
    readme.write_text(f"{head}{TABLE_START}\n{render_table()}\n{TABLE_END}{tail}", encoding="utf-8")


def main(names: list[str]) -> None:
    """Rebuild the named samples, or all of them."""
    unknown = sorted(set(names) - set(FETCH))
    if unknown:
        raise SystemExit(f"build.py: no sample named {', '.join(unknown)}; there are {', '.join(FETCH)}")
    WORK.mkdir(parents=True, exist_ok=True)
    python = make_environment()
    for name in names or FETCH:
        train(python, name)
    renew_readme()


if __name__ == "__main__":
    main(sys.argv[1:])
