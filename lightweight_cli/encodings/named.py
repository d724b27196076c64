"""What the way a weight is stored is called, told from the operators that decode it."""

from __future__ import annotations

LAYOUT = frozenset({"Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten"})
"""Operators that move values and keep them: a tensor seen through them is still stored as it is."""
LAYOUTS = {"affine": ("packed",), "table": ("packed", "vectors"), "planes": ("planes",), "tree": ("tree", "bitmask"),
           "Huffman": ("tree",), "bitmask": ("bitmask",), "delta": ("delta",), "cast": ("float16", "bfloat16")}
"""The layouts that are called so, a bitmask being a tree of one split; what is not here is not by lwc."""


def storage_encoding(ops: frozenset[str]) -> str:
    """Name the storage encoding that the operators `ops` decode, by what only it needs."""
    kernel = ops - LAYOUT
    if "DequantizeLinear" in ops:
        return "fake-quantized" if "QuantizeLinear" in ops else "DequantizeLinear"
    if ops & {"ScatterElements", "ScatterND"}:
        return "delta"
    if {"CumSum", "Mod"} <= ops:
        return "tree"
    if {"CumSum", "Where"} <= ops:
        return "Huffman"
    if "CumSum" in ops:
        return "bitmask"
    if {"Gather", "Add"} <= ops:
        return "planes"
    if {"Cast", "Gather"} <= ops:
        return "table"
    if {"Cast", "Mul"} <= ops:
        return "affine"
    if kernel <= {"Slice", "Concat", "Split"}:
        return "rearranged"
    return "cast" if kernel == {"Cast"} else "computed"
