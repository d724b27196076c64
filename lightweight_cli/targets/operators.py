"""Operators of com.microsoft by their names and bits, as targets name those that they do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

FOUR = 4
"""Bits where an operator does not say."""


def operators(model: Model) -> set[str]:
    """Return "MatMulNBits 8 bit" and the like, of all graphs and functions."""
    from lightweight_cli.model.scopes import Scopes

    found = set()
    for scope in Scopes(model.proto).all:
        for node in scope.graph.node:
            if node.domain == "com.microsoft":
                bits = next((a.i for a in node.attribute if a.name == "bits"), FOUR)
                found.add(f"{node.op_type} {bits} bit")
    return found
