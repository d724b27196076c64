"""Which inputs of which operators are weights, and along which axes their channels lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnx import NodeProto

Axes = tuple[int, ...]


def _gemm(node: NodeProto, rank: int) -> Axes:
    return (0,) if constants.attributes(node).get("transB") else (1,)


def _gemm_left(node: NodeProto, rank: int) -> Axes:
    return (1,) if constants.attributes(node).get("transA") else (0,)


def _matmul(node: NodeProto, rank: int) -> Axes:
    return tuple(i for i in range(rank) if i != rank - 2) if rank > 1 else ()


def _matmul_left(node: NodeProto, rank: int) -> Axes:
    return tuple(range(rank - 1)) if rank > 1 else ()


def _fused_matmul(node: NodeProto, rank: int) -> Axes:
    return _matmul_left(node, rank) if constants.attributes(node).get("transB") else _matmul(node, rank)


def _first(node: NodeProto, rank: int) -> Axes:
    return (0,)


def _second(node: NodeProto, rank: int) -> Axes:
    return (1,)


def _first_two(node: NodeProto, rank: int) -> Axes:
    return (0, 1)


ROLES: dict[tuple[str, int], Callable[[NodeProto, int], Axes]] = {
    ("Conv", 1): _first, ("ConvTranspose", 1): _first, ("ConvInteger", 1): _first, ("FusedConv", 1): _first,
    ("Gemm", 1): _gemm, ("Gemm", 0): _gemm_left, ("FusedGemm", 1): _gemm,
    ("MatMul", 1): _matmul, ("MatMul", 0): _matmul_left, ("FusedMatMul", 1): _fused_matmul,
    ("Gather", 0): _first,
    ("LSTM", 1): _first_two, ("LSTM", 2): _first_two, ("GRU", 1): _first_two, ("GRU", 2): _first_two,
    ("RNN", 1): _first_two, ("RNN", 2): _first_two,
    ("Attention", 1): _second,
    ("EmbedLayerNormalization", 2): _first, ("EmbedLayerNormalization", 3): _first, ("EmbedLayerNormalization", 4): _first,
}
"""(operator, input) -> the axes along which each index has its own scale; ConvTranspose: the input channels."""
MOVES = {"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Concat"}
"""Operators whose output holds the values of their inputs as they are."""
