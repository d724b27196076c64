"""Which operators a model has, as targets name those that they do not take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

MICROSOFT = "com.microsoft"
NARROW = ("MatMulNBits", "GatherBlockQuantized")
"""Operators of com.microsoft whose weights have few bits: releases of onnxruntime differ in how many they take."""
FOUR = 4
"""Bits where one of them does not say."""


class Used(NamedTuple):
    """An operator: its domain, and its name, with bits where it has them: "MatMulNBits 8 bit"."""

    domain: str
    name: str


def used(domain: str, op_type: str, bits: Iterable[int]) -> Used:
    """Return an operator; `bits` is empty where no attribute says."""
    if domain != MICROSOFT or op_type not in NARROW:
        return Used("" if domain == "ai.onnx" else domain, op_type)
    return Used(domain, f"{op_type} {next(iter(bits), FOUR)} bit")


def operators(model: Model) -> set[Used]:
    """Return the operators of all graphs and functions, but for calls of the model's own functions."""
    from lightweight_cli.model.scopes import Scopes

    own = {f.domain for f in model.proto.functions}
    return {used(n.domain, n.op_type, (a.i for a in n.attribute if a.name == "bits"))
            for scope in Scopes(model.proto).all for n in scope.graph.node if n.domain not in own}
