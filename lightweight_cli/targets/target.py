"""What is known of a place a model goes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Options = Mapping[str, Any]
STORING = ("float16", "bfloat16", "packed", "planes", "int4", "tree", "bitmask", "delta", "vectors", "equal rows")
"""The storage encodings by the names of their layouts, trees of all depths being one: what nodes decode at load."""


@dataclass(frozen=True)
class Refusal:
    """A pass that makes no sense for a place, unless its options say otherwise."""

    why: str
    instead: str = ""
    """What to take there."""
    unless: Callable[[Options], bool] = lambda options: False
    """Whether the pass can be had with these options."""


@dataclass(frozen=True)
class Target:
    """A place: what it takes, what becomes of the rest there, and how that is known."""

    name: str
    what: str
    evidence: Literal["run", "documents"]
    """Whether lwc's files were run there, or its documents were read."""
    source: str
    """What was run, or the documents."""
    folds: str
    """What becomes of decoding nodes when the model is loaded, in words."""
    must_not: tuple[str, ...] = ()
    """What must not be there, in words."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Storage encodings, by layout, that are not written for it: what would become of them."""
    passes: Mapping[str, Refusal] = field(default_factory=dict)
    """Passes that are refused."""
    domains: tuple[str, ...] | None = None
    """Of operators that it takes beside ai.onnx; None: as onnxruntime."""
    opset: int | None = None
    """The newest opset that it takes; None: not known, or that of the onnxruntime that checks."""
    ir: int | None = None
    """The newest IR version."""
    formats: Mapping[str, Refusal] = field(default_factory=dict)
    """Values of quantize --format that are not written for it."""
    lacks: tuple[str, ...] = ()
    """Operators that it does not have, those of com.microsoft with their bits: operators.py names them so."""
    one_file: bool = False
    """Whether external data needs work of its own."""
    symmetric: bool = False
    """Whether zero must have the code 0 where integers compute, in activations too."""
    fixed_shapes: bool = False
    """Whether all shapes must be known."""
    file: Literal["onnx", "ort"] = "onnx"
    """What is written."""
    runtime: str = ""
    """The oldest onnxruntime that is to take it, where that was asked for."""

    def __str__(self) -> str:
        return f"{self.name} {self.runtime}".strip()
