"""Other tools' int8 of a model, in a Python that has them: python benchmarks/speed_peers.py WAY MODEL DATA OUT.

onnxruntime's per channel, with 7-bit weights as lwc has them on processors without VNNI; static ones on 32 samples by each tool's own
default; after onnxruntime's own preprocessing, and after a conversion to opset 13 where the model's is older.
"""

from __future__ import annotations

import sys

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

SAMPLES = 32


class Reader(CalibrationDataReader):
    """The first samples of an .npz, one at a time."""

    def __init__(self, path: str) -> None:
        data = np.load(path)
        self.feeds = iter([{n: data[n][i : i + 1] for n in data.files} for i in range(min(SAMPLES, len(data[data.files[0]])))])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next sample."""
        return next(self.feeds, None)


def ort_dynamic(model: str, data: str, out: str) -> None:
    """onnxruntime's dynamic int8."""
    quantize_dynamic(model, out, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)


def ort_static(model: str, data: str, out: str) -> None:
    """onnxruntime's static int8, as QuantizeLinear and DequantizeLinear."""
    quantize_static(prepared(model, out), out, Reader(data), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True)


def sim_dynamic(model: str, data: str, out: str) -> None:
    """onnxsim's dynamic int8."""
    import onnxsim

    onnx.save(onnxsim.quantize_dynamic(onnxsim.simplify(model)[0]), out)


def sim_static(model: str, data: str, out: str) -> None:
    """onnxsim's static int8."""
    import onnxsim

    onnx.save(onnxsim.quantize_static(onnxsim.simplify(model)[0], list(Reader(data).feeds)), out)


def nncf_static(model: str, data: str, out: str) -> None:
    """NNCF's post-training quantization."""
    import nncf

    whole = onnx.load(prepared(model, out))
    onnx.save(nncf.quantize(whole, nncf.Dataset(list(Reader(data).feeds)), subset_size=SAMPLES), out)


def prepared(model: str, out: str) -> str:
    """Return the path of the model after onnxruntime's preparation, at opset 13 at least."""
    path = out + ".prepared.onnx"
    quant_pre_process(model, path, skip_symbolic_shape=True)
    proto = onnx.load(path)
    if proto.opset_import[0].version < 13:
        onnx.save(onnx.version_converter.convert_version(proto, 13), path)
    return path


WAYS = {way.__name__: way for way in (ort_dynamic, ort_static, sim_dynamic, sim_static, nncf_static)}

if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in WAYS:
        sys.exit(f"usage: speed_peers.py {'|'.join(WAYS)} MODEL DATA OUT")
    sys.path.pop(0)  # this folder has modules of its own; the tools must not see them
    WAYS[sys.argv[1]](*sys.argv[2:])
