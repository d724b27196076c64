"""Tables added to embeddings are weights; other added tables, as a detector's anchors, are not."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights

HEAD = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>'
NORM = "n = LayerNormalization (e, s, b)"
TRANSFORMER = HEAD + """
g (int64[1,96] ids) => (float[1,96,64] y)
<float[200,64] words, float[1,96,64] P, float[64] s, float[64] b, float[64] bias>
{ w = Gather (words, ids)  p = Add (w, P)  e = Add (p, bias)  NORM  y = Relu (n) }"""


def roles(path: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return operator and channel axes of each weight's first use."""
    model = load(path)
    return {w.name: (w.op, w.axes) for w in find_weights(model, Scopes(model.proto))}


@pytest.mark.parametrize("norm", [
    NORM, "n = com.microsoft.SkipLayerNormalization (e, e, s, b)", "n = ReduceMean <axes = [2], keepdims = 1> (e)",
    "d = Dropout (e)  i = Identity (d)  n = LayerNormalization (i, s, b)"])
def test_a_position_table_is_a_weight_in_rows(save, norm):
    assert roles(save(TRANSFORMER.replace("NORM", norm))) == {"words": ("Gather", (0,)), "P": ("Add", (0, 1))}


@pytest.mark.parametrize("norm", ["n = Softmax (e)", "n = Mul (e, s)", "n = LayerNormalization (s, b, e)"])
def test_what_no_normalisation_reads_is_not(save, norm):
    assert list(roles(save(TRANSFORMER.replace("NORM", norm)))) == ["words"]


def test_it_is_quantized_with_a_scale_for_each_block_of_a_row(save, apply, value_of):
    outcome = apply(save(HEAD + """g (float[1,96,64] w) => (float[1,96,64] y) <float[1,96,64] P, float[64] s, float[64] b>
        { e = Add (P, w)  y = LayerNormalization (e, s, b) }"""), "quantize:bits=4")
    assert "P" in outcome.encodings
    was, now = (value_of(path, "P") for path in (outcome.source, outcome.path))
    step = np.abs(was.reshape(-1, 32)).max(axis=1, keepdims=True) / 7
    assert (np.abs(was - now).reshape(-1, 32) <= step * 0.51).all() and not np.array_equal(was, now)
