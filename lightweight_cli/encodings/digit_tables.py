"""Integer tables that all encoded weights of a model share, made by nodes from the numbers 0 to 255.

Before opset 11, which has no Range, they are stored: 512 bytes and more each, where the nodes take some 60.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission

COMPUTED = 11
"""Opset from which there is Range."""


class Ranks(NamedTuple):
    """Tables of each byte of bits.

    `local` [256, 8] is where a bit's element is, beside what the bytes up to this one and with it count: of a one, how many ones
    follow in the byte; of a zero, minus how many follow and minus one.
    """

    one: str
    """bool [256, 8]: which bits are ones."""
    ones: str
    """int32 [256, 1], as the next two: its ones, minus its ones, its zeros."""
    minus: str
    zeros: str
    local: str


def bytes_column(e: Emission) -> str:
    """Return int32 [256, 1]: every byte."""

    def whole() -> list[str]:
        return [e.number(0, True), e.number(256, True), e.number(1, True)]

    return e.computed(".c", "Reshape", lambda: [e.computed(".n", "Range", whole), e.shape([-1, 1], True)])


def digits(e: Emission, levels: int) -> str:
    """Return int32 [256, k]: the digits of each byte in base `levels`, low digit first."""

    def powers() -> str:
        return e.integers(f".p{levels}", TensorProto.INT32, tuple(levels**i for i in range(packing.DIGITS[levels])), True)

    def shifted() -> str:
        return e.computed(f".q{levels}", "Div", lambda: [bytes_column(e), powers()])

    return e.computed(f".d{levels}", "Mod", lambda: [shifted(), e.number(levels, True)])


def numbers(e: Emission, levels: int, low: int, kind: int) -> str:
    """Return the digits of each byte plus `low` as a table of a TensorProto type."""

    def table() -> str:
        if e.opset < COMPUTED:
            array = packing.digit_table(levels, packing.DIGITS[levels]) + np.int16(low)
            return e.shared(f".y{levels}.{low}", array.astype(np.int8 if low < 0 else np.uint8), True)
        if not low:
            return digits(e, levels)
        return e.computed(f".a{levels}.{low}", "Sub", lambda: [digits(e, levels), e.number(-low, True)])

    if kind == (TensorProto.INT32 if e.opset >= COMPUTED else TensorProto.INT8 if low < 0 else TensorProto.UINT8):
        return table()
    name = f".t{levels}.{low}" + (f".{kind}" if kind != TensorProto.UINT8 else "")
    return e.computed(name, "Cast", lambda: [table()], to=kind)


def ranks(e: Emission) -> Ranks:
    """Return the tables by which a split finds an element."""

    def rank() -> str:
        return e.computed(".r", "CumSum", lambda: [digits(e, 2), e.number(1, True)])

    one = e.computed(".o", "Cast", lambda: [digits(e, 2)], to=TensorProto.BOOL)
    ones = e.computed(".p", "Gather", lambda: [rank(), e.shape([7], True)], axis=1)
    minus = e.computed(".m", "Neg", lambda: [ones])
    zeros = e.computed(".z", "Add", lambda: [minus, e.number(8, True)])

    def places() -> list[str]:
        left = e.computed(".l", "Sub", lambda: [ones, rank()])
        return [one, left, e.computed(".b", "Add", lambda: [left, e.integers(".e", TensorProto.INT32, tuple(range(-8, 0)), True)])]

    return Ranks(one, ones, minus, zeros, e.computed(".w", "Where", places))
