"""One call of one other tool, as its own documentation shows it.

    PEERS_PYTHON benchmarks/peers.py TOOL INPUT OUTPUT

Runs in an environment with benchmarks/peers.txt installed; imports only what the tool needs, so that the cost of the
process is the cost of the tool. An exception is the tool's own.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

BLOCK = 32  # MatMulNBits block size: the one lwc's 4-bit blocks use

TWO_GB = 2**31 - 2**20  # above, a single protobuf cannot be written


def _external(source: str) -> bool:
    folder = Path(source).parent
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) > TWO_GB


def quantize_dynamic(source: str, target: str) -> None:
    """onnxruntime's dynamic int8 quantization, one scale per channel."""
    from onnxruntime.quantization import quantize_dynamic as quantize

    quantize(source, target, per_channel=True, use_external_data_format=_external(source))


def matmul_nbits(source: str, target: str) -> None:
    """onnxruntime's 4-bit blocks of MatMul weights."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(source), bits=4, block_size=BLOCK, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(target, use_external_data_format=_external(source))


def onnxslim(source: str, target: str) -> None:
    """onnxslim with its defaults."""
    import onnxslim as tool

    tool.slim(source, target)


def onnxsim(source: str, target: str) -> None:
    """onnxsim's command with its defaults."""
    _command("onnxsim", [source, target])


def shrink_ray(source: str, target: str) -> None:
    """onnx-shrink-ray's command with its defaults: int8 weights."""
    folder = Path(target).parent / "shrink-ray"  # it names the file itself
    _command("onnx_shrink_ray.shrink", ["--output_dir", str(folder), "--output_suffix", ".onnx", source])
    (folder / Path(source).name).rename(target)
    folder.rmdir()


def _command(module: str, arguments: list[str]) -> None:
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise


TOOLS: dict[str, Callable[[str, str], None]] = {
    "quantize_dynamic": quantize_dynamic,
    "matmul_nbits": matmul_nbits,
    "onnxslim": onnxslim,
    "onnxsim": onnxsim,
    "shrink_ray": shrink_ray,
}

if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in TOOLS:
        sys.exit(f"usage: peers.py {'|'.join(TOOLS)} INPUT OUTPUT")
    sys.path.pop(0)  # this folder has modules of its own; the tools must not see them
    TOOLS[sys.argv[1]](sys.argv[2], sys.argv[3])
