"""docs/gradients.md lists the operators that have a rule."""

from __future__ import annotations

import re
from pathlib import Path

from lightweight_cli.gradients.rules.table import RULES

PAGE = Path(__file__).parents[2] / "docs" / "gradients.md"


def test_the_page_lists_the_operators() -> None:
    listed = re.search(r"## Operators with a rule\n\n(.*?)\.\n\n", PAGE.read_text(), re.S)
    assert listed and re.split(r",\s+", listed[1]) == sorted(RULES)
