"""The encodings page: its table is the one that declarations and measurements give."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(autouse=True)
def docs_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    sys.modules.pop("encodings_table", None)


def test_table_is_fresh() -> None:
    import encodings_table

    page = (DOCS / "encodings.md").read_text()
    assert f"<!-- encodings -->\n{encodings_table.table()}\n<!-- /encodings -->" in page


def test_every_layout_is_in_the_table_and_the_text() -> None:
    import json

    from lightweight_cli.encodings import choose, vectors

    measured = {part for each in json.loads((DOCS / "encodings.json").read_text())["cases"] for part in each["label"].split(" + ")}
    page = (DOCS / "encodings.md").read_text().lower()
    for layout in (*choose.LAYOUTS, *choose.SPARSE, vectors):
        assert layout.NAME in measured and layout.NAME in page
