"""The bias of a weight is found where it may change, and nowhere else."""

from __future__ import annotations

import pytest

from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.bias import bias_of
from lightweight_cli.weights.search import find_weights

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
FOUND = {
    "conv": "g (float[n,4,8,8] x) => (float[n,6,6,6] y) <float[6,4,3,3] W, float[6] b> { y = Conv (x, W, b) }",
    "gemm": "g (float[n,4] x) => (float[n,6] y) <float[4,6] W, float[6] b> { y = Gemm (x, W, b) }",
    "add": "g (float[n,4] x) => (float[n,6] y) <float[4,6] W, float[6] b> { m = MatMul (x, W)  y = Add (b, m) }",
}
NONE = {
    "no bias": "g (float[n,4] x) => (float[n,6] y) <float[4,6] W> { y = Gemm (x, W) }",
    "shared": "g (float[n,4] x) => (float[n,6] y, float[n,6] z) <float[4,6] W, float[6] b> { y = Gemm (x, W, b)  z = Gemm (x, W, b) }",
    "two readers": "g (float[n,4] x) => (float[n,6] y, float[6] z) <float[4,6] W, float[6] b> { y = Gemm (x, W, b)  z = Neg (b) }",
    "scaled": "g (float[n,4] x) => (float[n,6] y) <float[4,6] W, float[6] b> { y = Gemm <beta = 2.0> (x, W, b) }",
    "an output": "g (float[n,4] x) => (float[n,6] y, float[6] b) <float[4,6] W, float[6] b> { y = Gemm (x, W, b) }",
    "one for all": "g (float[n,4] x) => (float[n,6] y) <float[4,6] W, float[1] b> { y = Gemm (x, W, b) }",
    "read before": "g (float[n,4] x) => (float[n,6] y, float[n,6] m) <float[4,6] W, float[6] b> { m = MatMul (x, W)  y = Add (m, b) }",
    "by rows": "g (float[6,4] x) => (float[6,6] y) <float[4,6] W, float[6,1] b> { m = MatMul (x, W)  y = Add (m, b) }",
}


@pytest.mark.parametrize("name", [*FOUND, *NONE])
def test_a_bias_is_found_where_it_may_change(name: str, save) -> None:
    model = load(save(f"{HEAD} {(FOUND | NONE)[name]}"))
    found = [bias_of(w) for w in find_weights(model, Scopes(model.proto))]
    assert [b and b.name for b in found] == ["b" if name in FOUND else None]
