"""MatMulNBits: codes that the operator decodes to the weights, wherever the weight is."""

from __future__ import annotations

import numpy as np
import pytest
from integer_models import decibels, filled, in_integers, outputs

import lightweight_cli
from lightweight_cli.compute import nbits
from lightweight_cli.errors import UsageError

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
X = np.random.default_rng(0).standard_normal((5, 100)).astype(np.float32)
CASES = {
    "matmul": f"{HEAD} g (float[n,100] x) => (float[n,48] y) <float[100,48] W> {{ y = MatMul (x, W) }}",
    "gemm": f"{HEAD} g (float[n,100] x) => (float[n,48] y) <float[48,100] W, float[48] b> "
            "{ y = Gemm <transB = 1, alpha = 0.5, beta = 2.0> (x, W, b) }",
    "tied": f"{HEAD} g (float[n,100] x) => (float[n,48] y) <float[100,48] W> "
            "{ r = Relu (x) a = MatMul (x, W) b = MatMul (r, W) y = Add (a, b) }",
    "old": f"{HEAD} g (float[n,100] x) => (float[n,48] y) <float[100,48] W> {{ y = MatMul (x, W) }}".replace("17", "8"),
}


@pytest.mark.parametrize("bits,least", [(8, 35), (4, 17)])
@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_the_codes_say(name, bits, least, tmp_path):
    path, candidate, count = in_integers(tmp_path, filled(CASES[name]), nbits.NAMES[bits])
    (wanted,), _ = outputs(path, {"x": X})
    (got,), made = outputs(candidate, {"x": X}, tmp_path)
    assert count == 1 and made["MatMulNBits"] == (2 if name == "tied" else 1) and not {"MatMul", "Gemm"} & made.keys()
    assert decibels(wanted, got) > least


@pytest.mark.parametrize("bits", [4, 8])
def test_blocks_decode_to_their_weights(bits):
    matrix = np.random.default_rng(1).standard_normal((6, 70)).astype(np.float32)
    matrix[0] = 0
    packed, scale = nbits.blocked(matrix, bits)
    codes = packed if bits == 8 else np.stack([packed & 15, packed >> 4], -1).reshape(*packed.shape[:2], -1)
    decoded = ((codes.astype(np.float32) - (1 << (bits - 1))) * scale[..., None]).reshape(6, -1)
    assert np.abs(decoded[:, :70] - matrix).max() <= np.abs(scale).max() and not decoded[:, 70:].any()


def test_only_its_bits():
    with pytest.raises(UsageError, match="it has 8 or 4"):
        lightweight_cli.run(filled(CASES["matmul"]), ["quantize:for=speed,format=nbits,bits=6"])
