"""What the oldest Python that is supported refuses when it reads the package, and newer ones do not."""

from __future__ import annotations

import ast
from pathlib import Path

import lightweight_cli


def test_no_named_tuple_has_another_base():
    """Python 3.10 has no generic ones."""
    files = sorted(Path(lightweight_cli.__path__[0]).rglob("*.py"))
    classes = [(path.name, node) for path in files for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    named = [(name, node) for name, node in classes if "NamedTuple" in {ast.unparse(base) for base in node.bases}]
    assert len(named) > 50 and not [f"{name}: {node.name}" for name, node in named if len(node.bases) > 1]
