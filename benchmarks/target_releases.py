"""What releases of onnxruntime load: the newest opset and IR version, INT4 casts, operators of 8 bits and less.

    python benchmarks/target_releases.py PYTHON[+FOLDER]...

PYTHON has numpy and onnxruntime, or takes onnxruntime from FOLDER (pip install --no-deps --target FOLDER onnxruntime==1.19.2).
Prints a line of JSON for each: what `lightweight_cli/targets/runtimes.py` holds. This Python needs onnx.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from onnx import TensorProto, parser

ASK = """
import json, sys
from pathlib import Path
import numpy as np, onnxruntime as ort
ort.set_default_logger_severity(4)
loads = []
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    try:
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        x = session.get_inputs()[0]
        session.run(None, {x.name: np.zeros((1, 64), np.int64 if "int64" in x.type else np.float32)})
        loads.append(path.stem)
    except Exception:
        pass
print(json.dumps({"version": ort.__version__, "loads": loads}))
"""
OPSETS, IRS = range(13, 33), range(3, 17)


def models() -> dict[str, bytes]:
    """Return the models that are asked about, by what they show."""
    found = {f"opset {n}": made(8, f'"" : {n}', "y = Identity(x)") for n in OPSETS}
    found |= {f"ir {n}": made(n, '"" : 13', "y = Identity(x)") for n in IRS}
    found["int4"] = made(10, '"" : 21', "z = Cast <to = 1> (w) y = Mul(x, z)", TensorProto(
        name="w", data_type=TensorProto.INT4, dims=[64], raw_data=bytes(32)))
    for bits in (2, 4, 8):
        codes = ", ".join(["0"] * (64 * bits // 8))
        body = f"y = com.microsoft.MatMulNBits <K = 64, N = 1, bits = {bits}, block_size = 64, accuracy_level = 4> (x, w, s)"
        found[f"MatMulNBits {bits} bit"] = made(
            8, '"" : 17, "com.microsoft" : 1', body, f"uint8[1,1,{8 * bits}] w = {{{codes}}}, float[1] s = {{1.0}}", "float[1,1] y")
        block = f"y = com.microsoft.GatherBlockQuantized <bits = {bits}, block_size = 64, gather_axis = 0, quantize_axis = 1> (w, x, s)"
        if bits > 2:
            found[f"GatherBlockQuantized {bits} bit"] = made(
                8, '"" : 17, "com.microsoft" : 1', block, f"uint8[1,{8 * bits}] w = {{{codes}}}, float[1,1] s = {{1.0}}",
                "float[1,64,64] y", "int64[1,64] x")
    return found


def made(ir: int, opsets: str, body: str, held: str | TensorProto = "", output: str = "float[1,64] y",
         given: str = "float[1,64] x") -> bytes:
    """Return a model of one or two nodes; `held`: its initializers as text, or one."""
    text = f"<{held}>" if isinstance(held, str) and held else ""
    model = parser.parse_model(f"<ir_version: {ir}, opset_import: [{opsets}]> g ({given}) => ({output}) {text} {{ {body} }}")
    if isinstance(held, TensorProto):
        model.graph.initializer.append(held)
    return model.SerializeToString()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in models().items():
            Path(folder, f"{name}.onnx").write_bytes(content)
        for word in sys.argv[1:]:
            python, _, wheel = word.partition("+")
            environment = {**os.environ, **({"PYTHONPATH": wheel} if wheel else {})}
            run = subprocess.run([python, "-c", ASK, folder], check=True, capture_output=True, text=True, env=environment)
            said = json.loads(run.stdout.splitlines()[-1])
            loads = set(said["loads"])
            others = [n for n in models() if not n.startswith(("opset", "ir"))]
            print(json.dumps({"version": said["version"], "opset": max(n for n in OPSETS if f"opset {n}" in loads),
                              "ir": max(n for n in IRS if f"ir {n}" in loads), "lacks": [n for n in others if n not in loads]}))


if __name__ == "__main__":
    main()
