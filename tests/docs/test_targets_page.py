"""The targets page: its tables are those that declarations and measurements give."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lightweight_cli.cli import places
from lightweight_cli.targets.table import TARGETS

DOCS = Path(__file__).resolve().parents[2] / "docs"


OFF = {("captcha-crnn", "for speed"), ("captcha-crnn", "4 bits"), ("ppocrv4-rec", "for speed")}
"""Models in forms that some runtime computes otherwise: the page says why."""


@pytest.fixture(autouse=True)
def docs_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    sys.modules.pop("targets_table", None)


def test_tables_are_fresh() -> None:
    import targets_table

    page = (DOCS / "targets.md").read_text()
    for name, text in (("targets", places.as_markdown()), ("releases", places.releases_as_markdown()), ("runs", targets_table.table())):
        assert f"<!-- {name} -->\n{text}\n<!-- /{name} -->" in page


def test_every_run_that_could_be_made_is_there_and_equal() -> None:
    rows = json.loads((DOCS / "targets.json").read_text())["rows"]
    runtimes = {r["runtime"] for r in rows}
    assert {"onnxruntime 1.17.1", "onnxruntime 1.20.1", "onnxruntime 1.23.2"} < runtimes
    assert any("Node" in r for r in runtimes) and any("Chromium" in r for r in runtimes) and any("OpenVINO" in r for r in runtimes)
    floats = {(r["model"], r["runtime"]) for r in rows if "refused" in r and r["form"] == "float"}
    for row in rows:
        assert "refused" in row or row["error"] < 1e-2 or (row["model"], row["form"]) in OFF, row
        if "refused" in row and row["place"]:
            assert (row["model"], row["runtime"]) in floats, "what was made for a place must load there, if the floats do"
    assert {t.name for t in TARGETS.values() if t.evidence == "run"} == {"onnxruntime", "ort-format", "web", "openvino"}
