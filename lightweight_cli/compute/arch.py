"""What processors do with small integers: a table, and which of its rows this machine is."""

from __future__ import annotations

import platform
from typing import NamedTuple


class Arch(NamedTuple):
    """A kind of processor."""

    name: str
    reduced: bool
    """Weights keep to 7 bits: its kernels add pairs of products in 16 bits, which overflow with 8."""
    faster: frozenset[str]
    """Kinds of layers that integers make faster, where nothing can be measured."""


DENSE = frozenset(("MatMul", "Gemm", "Conv", "small Conv", "LSTM"))
ARCHS = {a.name: a for a in (
    Arch("avx2", True, DENSE),
    Arch("vnni", False, DENSE),
    Arch("arm64", False, DENSE),
)}
"""Measured on AVX2, of float32: MatMul 1.2 to 2.9 times as fast, Conv 1.4 to 2.0, 1x1 2.2 to 3.8, depthwise .64, grouped .40; on AVX512
with VNNI MatMul 2.6 to 4.3, Conv 3.4 to 3.9, 1x1 2.4 to 4.0, depthwise .69 to .76, grouped .81. arm64: by onnxruntime's own kernels
(SDOT, UDOT), not measured."""


def here() -> Arch:
    """Return the row of this machine."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return ARCHS["arm64"]
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        flags = ""
    return ARCHS["vnni" if "vnni" in flags else "avx2"]
