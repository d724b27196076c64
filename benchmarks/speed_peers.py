"""onnxruntime's own int8 of a model, in a Python that has its tools: python benchmarks/speed_peers.py dynamic|static MODEL DATA OUT.

Per channel, with 7-bit weights as lwc has them on processors without VNNI; static on 32 samples by minmax, its default, in QDQ form,
after its own preprocessing, and after a conversion to opset 13 where the model's is older.
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


def main(form: str, model: str, data: str, out: str) -> None:
    """Write one file."""
    if form == "dynamic":
        quantize_dynamic(model, out, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        return
    prepared = out + ".prepared.onnx"
    quant_pre_process(model, prepared, skip_symbolic_shape=True)
    proto = onnx.load(prepared)
    if proto.opset_import[0].version < 13:
        onnx.save(onnx.version_converter.convert_version(proto, 13), prepared)
    quantize_static(prepared, out, Reader(data), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
