"""A model in onnxruntime's own file format, by its own converter, in a process of its own."""

from __future__ import annotations

import ctypes
import os
import sys

from lightweight_cli.runtime.confined import confine
from lightweight_cli.runtime.once import run_once

TIME_LIMIT = 60.0
"""Seconds for a conversion, and beyond them the time it takes to read and write the weights."""
BYTES_A_SECOND = 20e6
STEM = "model"
NEEDS = "required_operators_and_types.config"
"""What the converter calls the list of operators that a small build of onnxruntime needs for its models."""
NO_RANDOM_ADDRESSES, ASK = 0x0040000, 0xFFFFFFFF
"""Of personality(2)."""
BOOT = "import sys; sys.path[:] = sys.argv[2:]; from lightweight_cli.runtime.ort_format import main; main(sys.argv[1])"
MARK = b"ORTM"
"""Bytes 4 to 8 of a .ort file, a flatbuffer."""


def is_ort(path: str) -> bool:
    """Whether a file is in onnxruntime's format, whatever its name."""
    try:
        with open(path, "rb") as file:
            return file.read(8)[4:] == MARK
    except OSError:
        return False


def convert(folder: str, size: int) -> str | None:
    """Convert model.onnx in `folder` to model.ort, with the list of operators beside it; `size`: of the model in bytes.

    Returns: None, or why there is no result, in one line.
    """
    ended = run_once(BOOT, [folder], "converting", TIME_LIMIT + size / BYTES_A_SECOND, errors=True)
    if ended.failed or (ended.code == 0 and os.path.exists(os.path.join(folder, f"{STEM}.ort"))):
        return ended.failed or None
    return (ended.said.splitlines() or [f"exit code {ended.code}"])[-1]


def main(folder: str) -> None:
    """Run onnxruntime's converter on a folder, in this process: optimised as far as any processor may be, and types listed."""
    import runpy

    settle(folder)
    confine()
    sys.argv = ["convert", folder, "--output_dir", folder, "--optimization_style", "Fixed", "--enable_type_reduction"]
    runpy.run_module("onnxruntime.tools.convert_onnx_models_to_ort", run_name="__main__")


def settle(folder: str) -> None:
    """Start this process again at addresses that are always the same, where the system allows it.

    The order of a .ort file's tables follows hashes of addresses: three runs gave three files, and now one.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        now = libc.personality(ASK)
        if now != -1 and not now & NO_RANDOM_ADDRESSES and libc.personality(now | NO_RANDOM_ADDRESSES) != -1:
            os.execv(sys.executable, [sys.executable, "-I", "-c", BOOT, folder, *sys.path])
