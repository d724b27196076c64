"""One call of one other tool that quantizes, as its own documentation shows it.

    PEERS_PYTHON benchmarks/quantization_peers.py TOOL BITS MODEL OUTPUT [DATA.npz]

Runs in an environment with benchmarks/peers-quantization.txt installed, and imports only what the tool needs. An exception is the
tool's own. DATA holds unlabelled samples keyed by input name; tools that calibrate get them in batches of BATCH.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

BLOCK = 32  # what lwc's blocks have at 4 bits, and onnxsim's
SAMPLES, BATCH = 256, 8
OPSET_INT4 = 21  # the first with the type int4, which onnxsim writes


def batches(model: str, data: str) -> Iterator[dict[str, np.ndarray]]:
    """The samples in batches that the model takes."""
    import numpy as np
    import onnx

    arrays = dict(np.load(data))
    sizes = [i.type.tensor_type.shape.dim[0].dim_value for i in onnx.load(model).graph.input if i.name in arrays]
    size = max(sizes) or BATCH
    for start in range(0, min(SAMPLES, len(next(iter(arrays.values())))) - size + 1, size):
        yield {name: array[start : start + size] for name, array in arrays.items()}


def ort_dynamic(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxruntime's dynamic int8, a scale a channel."""
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(model, output, per_channel=True)


def ort_static(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxruntime's static int8 of weights and activations, a scale a channel, after its own preparation."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    assert data
    feeds = batches(model, data)

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
            return next(feeds, None)

    quant_pre_process(model, output + ".prepared")
    quantize_static(output + ".prepared", output, Reader(), per_channel=True)


def _nbits(model: str, output: str, bits: int, config: Any) -> None:
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(model), bits=bits, block_size=BLOCK, is_symmetric=True, algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(output)


def ort_rtn(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxruntime's MatMulNBits, to nearest."""
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig

    _nbits(model, output, bits, DefaultWeightOnlyQuantConfig(BLOCK, True, bits=bits))


def ort_rtn_gather(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxruntime's MatMulNBits and GatherBlockQuantized, to nearest."""
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig

    kinds, axes = ("MatMul", "Gather"), (("MatMul", 0), ("Gather", 1))
    _nbits(model, output, bits, DefaultWeightOnlyQuantConfig(BLOCK, True, op_types_to_quantize=kinds, quant_axes=axes, bits=bits))


def ort_hqq(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxruntime's half-quadratic quantization."""
    from onnxruntime.quantization.matmul_nbits_quantizer import HQQWeightOnlyQuantConfig

    _nbits(model, output, bits, HQQWeightOnlyQuantConfig(block_size=BLOCK, bits=bits))


def ort_gptq(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxruntime's GPTQ."""
    from onnxruntime.quantization import CalibrationDataReader
    from onnxruntime.quantization.matmul_nbits_quantizer import GPTQWeightOnlyQuantConfig

    assert data
    held = list(batches(model, data))

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = list(held)

        def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
            return self.left.pop(0) if self.left else None

    _nbits(model, output, bits, GPTQWeightOnlyQuantConfig(calibration_data_reader=Reader()))


def _modern(model: str) -> Any:
    """Load a model, brought to the opset that int4 needs."""
    import onnx
    from onnx import version_converter

    original = onnx.load(model)
    if next(o.version for o in original.opset_import if o.domain in ("", "ai.onnx")) >= OPSET_INT4:
        return original
    return version_converter.convert_version(original, OPSET_INT4)


def _onnxsim(model: str, output: str, data: str | None, refine: str | None) -> None:
    import onnx
    import onnxsim

    original = _modern(model)
    result = onnxsim.quantize_weight_only_int4(original)
    if refine:
        assert data
        result = getattr(onnxsim, refine)(original, result, list(batches(model, data)))
    onnx.save(onnxsim.simplify(result)[0], output)  # it takes out the float weights, which the rest leaves behind


def sim_rtn(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxsim's int4 blocks, to nearest."""
    _onnxsim(model, output, None, None)


def sim_gptq(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxsim's GPTQ."""
    _onnxsim(model, output, data, "apply_gptq")


def sim_awq(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxsim's AWQ."""
    _onnxsim(model, output, data, "apply_awq")


def _nncf(bits: int, model: str, output: str, **more: Any) -> None:
    import nncf
    import onnx

    read = onnx.load if bits == 8 else _modern
    mode = nncf.CompressWeightsMode(f"int{bits}_sym")
    block = {} if bits == 8 else {"group_size": BLOCK, "all_layers": True}
    onnx.save(nncf.compress_weights(read(model), mode=mode, **block, **more), output)


def nncf_rtn(bits: int, model: str, output: str, data: str | None) -> None:
    """NNCF's weight compression."""
    _nncf(bits, model, output)


def nncf_data(bits: int, model: str, output: str, data: str | None) -> None:
    """NNCF's weight compression with AWQ and scale estimation."""
    import nncf

    assert data
    _nncf(bits, model, output, dataset=nncf.Dataset(list(batches(model, data))), awq=True, scale_estimation=True)


def simplified(bits: int, model: str, output: str, data: str | None) -> None:
    """onnxsim alone: what a tool gets that cannot use the model as it is."""
    import onnx
    import onnxsim

    onnx.save(onnxsim.simplify(model)[0], output)


ORT = (ort_dynamic, ort_static, ort_rtn, ort_rtn_gather, ort_hqq, ort_gptq)
OTHERS = (sim_rtn, sim_gptq, sim_awq, nncf_rtn, nncf_data, simplified)
TOOLS: dict[str, Callable[[int, str, str, str | None], None]] = {tool.__name__: tool for tool in (*ORT, *OTHERS)}

if __name__ == "__main__":
    if len(sys.argv) not in (5, 6) or sys.argv[1] not in TOOLS:
        sys.exit(f"usage: quantization_peers.py {'|'.join(TOOLS)} BITS MODEL OUTPUT [DATA.npz]")
    sys.path.pop(0)  # this folder has modules of its own; the tools must not see them
    TOOLS[sys.argv[1]](int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5] if len(sys.argv) == 6 else None)
