"""A weight's matrix times the rows collected is what onnxruntime gives, whatever the operator."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lightweight_cli.calibration.points import chosen
from lightweight_cli.calibration.rows import rows_of
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.matrix import NoMatrix, arrived, matrix_of
from lightweight_cli.weights.search import find_weights

HEAD = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>'
R = np.random.default_rng(3)


def built(body: str, x: tuple[int, ...], w: tuple[int, ...]) -> onnx.ModelProto:
    """Return a model of input x and initializer W."""
    def shape(dims: tuple[int, ...]) -> str:
        return ",".join(map(str, dims))

    model = onnx.parser.parse_model(f"{HEAD} g (float[{shape(x)}] x) => (float y) {{ {body} }}")
    model.graph.initializer.append(numpy_helper.from_array(R.standard_normal(w).astype(np.float32), "W"))
    return model


CONVS = [((2, 4, 9), (6, 4, 3), ""), ((2, 4, 9), (6, 4, 3), "strides = [2], pads = [2, 1], dilations = [2]"),
         ((2, 4, 7, 8), (6, 2, 3, 2), "group = 2"), ((2, 4, 7, 8), (8, 1, 3, 3), "group = 4, pads = [1, 0, 2, 1]"),
         ((2, 4, 7, 8), (6, 4, 3, 3), 'auto_pad = "SAME_UPPER", strides = [2, 3]'),
         ((2, 4, 7, 8), (6, 4, 4, 2), 'auto_pad = "SAME_LOWER", strides = [2, 1]'),
         ((2, 4, 7, 8), (6, 4, 2, 3), 'auto_pad = "VALID", strides = [2, 2]'),
         ((2, 4, 7, 8), (5, 4, 1, 1), "strides = [2, 2]"),
         ((2, 2, 4, 5, 6), (3, 2, 2, 3, 2), "strides = [1, 2, 1], pads = [1, 0, 0, 0, 1, 1]")]
CONVS = [(x, w, f"y = Conv <{a}> (x, W)" if a else "y = Conv (x, W)") for x, w, a in CONVS]
PRODUCTS = [
    ((5, 3), (3, 4), "y = Gemm (x, W)"), ((3, 5), (4, 3), "y = Gemm <transA = 1, transB = 1> (x, W)"),
    ((5, 3), (4, 5), "y = Gemm (W, x)"), ((3, 5), (5, 4), "y = Gemm <transA = 1, transB = 1> (W, x)"),
    ((2, 5, 3), (3, 4), "y = MatMul (x, W)"), ((3,), (3, 4), "y = MatMul (x, W)"), ((5, 3), (3,), "y = MatMul (x, W)"),
    ((2, 3, 5), (4, 3), "y = MatMul (W, x)"), ((3, 5), (3,), "y = MatMul (W, x)"), ((3,), (3,), "y = MatMul (x, W)"),
    ((6, 2, 5, 3), (2, 3, 4), "y = MatMul (x, W)"), ((5, 3), (2, 3, 4), "y = MatMul (x, W)"),
    ((2, 1, 5, 3), (1, 4, 3, 2), "y = MatMul (x, W)"), ((4, 2, 5, 3), (4, 1, 3, 2), "y = MatMul (x, W)"),
    ((6, 2, 3, 5), (2, 4, 3), "y = MatMul (W, x)"), ((3, 5), (2, 4, 3), "y = MatMul (W, x)"),
    ((2, 5, 3), (4, 3), "y = com.microsoft.FusedMatMul <transB = 1> (x, W)"),
    ((2, 3, 5), (3, 4), "y = com.microsoft.FusedMatMul <transA = 1> (x, W)"),
    ((2, 5, 3), (4, 3), "v = Transpose (W)  y = MatMul (x, v)"),
    ((5, 3), (2, 2, 3), "s = Constant <value_ints = [4, 3]> () v = Reshape (W, s) u = Identity (v) y = Gemm <transB = 1> (x, u)"),
    ((2, 4, 7), (3, 6, 4), "v = Transpose <perm = [1, 2, 0]> (W)  y = Conv (x, v)"),
    ((5, 4), (6, 4), "z = Constant <value_ints = [0]> () m = Constant <value_ints = [2]> () "
     "e = Constant <value_ints = [9]> () a = Slice (W, z, m) b = Slice (W, m, e) "
     "v = Concat <axis = 0> (b, a)  y = Gemm <transB = 1> (x, v)"),
    ((2, 5, 3), (3, 4), 'y = Einsum <equation = "...d,df->...f"> (x, W)'),
    ((2, 5, 3), (3, 4, 6), 'y = Einsum <equation = "btd,dnh->btnh"> (x, W)'),
    ((2, 5, 4, 6), (4, 6, 3), 'y = Einsum <equation = "btnh,nhd->btd"> (x, W)'),
    ((2, 4, 5, 6), (4, 3, 6), 'y = Einsum <equation = "nod,bntd->btno"> (W, x)'),
    ((3, 4), (4, 3), 'y = Einsum <equation = "ij,ji"> (x, W)'), ((5, 4), (4, 3), 'y = Einsum <equation = "ij,jk"> (x, W)'),
    ((2, 4, 5), (4, 3, 2), "y = ConvTranspose <strides = [2]> (x, W)"),
    ((2, 4, 5, 3), (4, 3, 2, 3), "y = ConvTranspose <strides = [2, 3], group = 2> (x, W)"),
]


@pytest.mark.parametrize(("x", "w", "body"), [*PRODUCTS, *CONVS])
def test_matrix_times_rows_is_the_output(save, execute, x, w, body):
    proto = built(body, x, w)
    loaded = load(save(proto))
    (weight,) = find_weights(loaded, Scopes(loaded.proto))
    values, fed = numpy_helper.to_array(proto.graph.initializer[0]), R.standard_normal(x).astype(np.float32)
    view = matrix_of(weight)
    matrix = view.of(values)
    assert matrix.ndim == 3
    assert np.array_equal(view.back(matrix), values)
    (role,) = weight.roles
    rows = rows_of(role, arrived(weight, role).shape)
    assert len(rows.inputs) == 1 and not rows.outputs
    points = rows.read([fed])
    taken = points.take(np.arange(points.total))
    assert taken.shape == (matrix.shape[0], points.total, matrix.shape[2])
    got = matrix @ taken.swapaxes(1, 2)
    want = execute(save(proto), {"x": fed})[0]
    assert np.allclose(np.sort(got, axis=None), np.sort(want, axis=None), atol=1e-4)
    some = chosen(points.total, 3, (1, 2))
    assert np.array_equal(points.take(some), taken[:, some])


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("initial", [False, True])
def test_recurrent_rows(save, execute, direction, initial):
    both = 2 if direction == "bidirectional" else 1
    words = ", ".join(['"Affine"'] * both)
    ones = ", ".join(["1.0"] * both)
    tail = ", , , h" if initial else ""
    proto = onnx.parser.parse_model(f"""{HEAD} g (float[5,2,3] x, float[{both},2,4] h) => (float y) {{
        y = RNN <hidden_size = 4, direction = "{direction}", activations = [{words}], activation_alpha = [{ones}]> (x, W, R{tail}) }}""")
    arrays = {n: R.standard_normal((both, 4, d)).astype(np.float32) / 2 for n, d in (("W", 3), ("R", 4))}
    proto.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in arrays.items())
    fed = {"x": R.standard_normal((5, 2, 3)).astype(np.float32), "h": R.standard_normal((both, 2, 4)).astype(np.float32)}
    (y,) = execute(save(proto), fed)
    loaded = load(save(proto))
    sums = 0
    for weight in find_weights(loaded, Scopes(loaded.proto)):
        (role,) = weight.roles
        rows = rows_of(role, weight.shape)
        points = rows.read({(0,): [fed["x"]], (5,): [fed["h"] if initial else None, y]}[rows.inputs])
        sums = sums + points.take(np.arange(points.total)) @ matrix_of(weight).of(arrays[weight.name]).swapaxes(1, 2)
    assert np.allclose(sums.reshape(both, 5, 2, 4), y.swapaxes(0, 1), atol=1e-4)


def test_gathers_see_entries_and_tied_products_the_same(save):
    proto = built("s = Shape (x)  e = Gather (W, s)  v = Transpose (W)  y = MatMul (x, v)", (5, 3), (7, 3))
    loaded = load(save(proto))
    (weight,) = find_weights(loaded, Scopes(loaded.proto))
    assert [r.op for r in weight.roles] == ["Gather", "MatMul"]
    assert matrix_of(weight).shape == (1, 7, 3)


@pytest.mark.parametrize(("body", "why"), [
    ("e = MatMul (x, W)  y = MatMul (W, e)", "its uses see it as different matrices"),
    ("a, b = Split <axis = 0> (W)  y = MatMul (x, b)", "only parts of it reach its MatMul"),
    ("v = Concat <axis = 0> (W, W)  y = MatMul (x, v)", "only parts of it reach its MatMul"),
])
def test_what_is_no_matrix_says_why(save, body, why):
    loaded = load(save(built(body, (4, 4), (4, 4))))
    (weight,) = find_weights(loaded, Scopes(loaded.proto))
    with pytest.raises(NoMatrix, match=why):
        matrix_of(weight)
