"""Measurements that take hours: each row is written as it is finished, none is measured twice, and a page has them as a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
MARK = "<!-- table -->\n"


class Rows:
    """The rows of a file of JSON lines."""

    def __init__(self, path: Path, *keys: str) -> None:
        """`keys`: what tells a row from the others."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.keys = path, keys
        self.rows: list[Row] = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self.known = {tuple(r[k] for k in keys) for r in self.rows}

    def measure(self, key: tuple[Any, ...], make: Callable[[], Row]) -> None:
        """Measure and keep one row, unless it was there at the start."""
        if key in self.known:
            return
        self.rows.append(make())
        print(self.rows[-1], flush=True)
        with self.path.open("a") as file:
            file.write(json.dumps(self.rows[-1]) + "\n")

    def write(self, page: Path, table: Callable[[list[Row]], str]) -> None:
        """Write the table behind the mark of a page."""
        head, mark, _ = page.read_text().partition(MARK)
        page.write_text(head + mark + "\n" + table(self.rows))
