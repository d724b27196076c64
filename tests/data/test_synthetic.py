"""Synthetic inputs: plausible, consistent, the same each time, and never absurd."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from onnx import parser

from lightweight_cli.data.batches import Batches
from lightweight_cli.data.hints import read_hints
from lightweight_cli.data.synthetic.search import MOST_ELEMENTS, synthetic_batches
from lightweight_cli.model.skeleton import read_skeleton
from lightweight_cli.runtime.sessions import interface, open_session

HEAD = '<ir_version: 10, opset_import: ["": 18, "ai.onnx.ml": 3, "f": 1]>\n'


def found(path: Path, text: str, seed: int = 0) -> Batches | str:
    file = path / "model.onnx"
    file.write_bytes(parser.parse_model(text).SerializeToString())
    session = open_session(str(file))
    return synthetic_batches(session, interface(session), read_skeleton(str(file)), seed, lambda: None)


def batches(path: Path, text: str, seed: int = 0) -> list[dict[str, np.ndarray]]:
    result = found(path, text, seed)
    assert isinstance(result, Batches), result
    return [b.feed for b in result]


TABLE = "<float[7, 2] T = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}>"


@pytest.mark.parametrize("body", [
    "{ y = Gather(T, ids) }",
    "{ a = Cast<to = 7>(ids) b = Identity(a) y = Gather(T, b) }",
    "{ s = Constant<value_ints = [-1]>() a = Reshape(ids, s) y = Gather(T, a) }",
    "{ s = Constant<value_ints = [2]>() a = Unsqueeze(ids, s) y = Gather(T, a) }",
    "{ c = Constant<value_int = -3>() a = Sub(ids, c) d = Constant<value_int = -3>() b = Add(a, d) y = Gather(T, b) }",
    "{ U = Identity(T) V = Transpose(U) y = Gather<axis = 1>(V, ids) }",
    """{ r = ReduceMax<keepdims = 0>(ids) z = Constant<value_int = -1>() c = Greater(r, z)
         y = If(c) <then_branch = t () => (float[A, B, C] p) { p = Gather(T, ids) },
                    else_branch = e () => (float[A, B, C] q) { q = Gather(T, ids) }> }"""])
def test_ids_stay_within_the_table_they_index(tmp_path: Path, body: str) -> None:
    feeds = batches(tmp_path, HEAD + f"agraph (int64[N, S] ids) => (float[A, B, C] y) {TABLE} " + body)
    ids = np.concatenate([f["ids"].reshape(-1) for f in feeds])
    assert ids.min() == 0 and ids.max() == 6 and ids.size > 100


def test_ids_that_are_shifted_stay_within(tmp_path: Path) -> None:
    text = HEAD + f"agraph (int64[N, S] ids) => (float[A, B, C] y) {TABLE} " \
        "{ c = Constant<value_int = 2>() a = Add(ids, c) y = Gather(T, a) }"
    assert max(f["ids"].max() for f in batches(tmp_path, text)) == 4


def test_ids_are_followed_into_functions(tmp_path: Path) -> None:
    text = HEAD + f"""agraph (int64[N, S] ids) => (float[A, B, C] y) {TABLE} {{ y = f.look(T, ids) }}
        <domain: "f", opset_import: ["": 18]> look (t, i) => (o) {{ j = Identity(i) o = Gather(t, j) }}"""
    assert max(f["ids"].max() for f in batches(tmp_path, text)) == 6


def test_a_bomb_of_calls_is_cut_short(tmp_path: Path) -> None:
    calls = "\n".join(f'<domain: "f", opset_import: ["": 18, "f": 1]> g{i} (a) => (b) '
                      f"{{ c = f.g{i + 1}(a) b = f.g{i + 1}(c) }}" for i in range(30))
    text = HEAD + "agraph (float[2] x) => (float[2] y) { y = f.g0(x) }\n" + calls + \
        '\n<domain: "f", opset_import: ["": 18]> g30 (a) => (b) { b = Identity(a) }'
    started = time.process_time()
    read_hints(parser.parse_model(text))
    assert time.process_time() - started < 20


def test_a_transformer_like_interface(tmp_path: Path) -> None:
    text = HEAD + f"""agraph (int64[batch, seq] input_ids, int64[batch, seq] attention_mask,
      int64[batch, seq] position_ids)
      => (float[batch, seq, 2] y) {TABLE} {{
        a = Gather(T, input_ids) p = Gather(T, position_ids) s = Add(a, p) m = Cast<to = 1>(attention_mask)
        o = Constant<value_ints = [2]>() n = Unsqueeze(m, o) y = Mul(s, n) }}"""
    first, padded = batches(tmp_path, text)[:2]
    mask, shape = padded["attention_mask"], first["input_ids"].shape
    assert (first["attention_mask"] == 1).all()
    assert mask.shape == first["position_ids"].shape == shape == (4, 32)
    assert set(np.unique(mask)) == {0, 1} and mask[:, 0].all() and mask[0].all() and not mask[1].all()
    assert first["position_ids"][0, :7].tolist() == list(range(7))


def test_symbols_are_equal_lengths_and_sums_add_up(tmp_path: Path) -> None:
    text = HEAD + """agraph (float[b, past, 2] cache, float[b, seq, 2] x, float[b, total, 2] z) => (float[b, K, 2] y) {
      c = Concat<axis = 1>(cache, x) y = Add(c, z) }"""
    first = batches(tmp_path, text)[0]
    assert first["z"].shape[1] == first["cache"].shape[1] + first["x"].shape[1]


def test_an_open_size_that_only_some_lengths_fit(tmp_path: Path) -> None:
    text = HEAD + """agraph (float[N, L] x) => (float[M, 256] y) {
      s = Constant<value_ints = [-1, 256]>() y = Reshape(x, s)
      z = Constant<value_ints = [0, 256]>() w = Reshape(x, z) }"""
    assert batches(tmp_path, text)[0]["x"].shape[1] == 256


def test_images_lie_between_0_and_1(tmp_path: Path) -> None:
    for dims in ("N, 3, H, W", "N, H, W, 3", "1, 1, 28, 28"):
        feeds = batches(tmp_path, HEAD + f"agraph (float[{dims}] x) => (float[A, B, C, D] y) {{ y = Identity(x) }}")
        assert all(f["x"].min() >= 0 and f["x"].max() <= 1 for f in feeds) and np.concatenate([f["x"] for f in feeds]).std() > 0.1
        assert sum(f["x"].shape[0] for f in feeds) == 16
    assert batches(tmp_path, HEAD + "agraph (uint8[1, 3, 8, 8] x) => (uint8[1, 3, 8, 8] y) { y = Identity(x) }"
                   )[0]["x"].max() > 200


def test_a_rate_the_model_asks_for(tmp_path: Path) -> None:
    text = HEAD + """agraph (float[N, 4] x, int64 sr) => (float[N, 4] y) <int64 k = {16000}> {
      c = Equal(sr, k) y = If(c) <then_branch = t () => (float[N, 4] p) { p = Neg(x) },
        else_branch = e () => (float[N, 4] q) { a = Shape(x) b = Add(a, a) q = Reshape(x, b) }> }"""
    assert batches(tmp_path, text)[0]["sr"] == 16000


def test_bytes_compared_with_all_bytes(tmp_path: Path) -> None:
    values = ", ".join(map(str, range(257)))
    text = HEAD + f"""agraph (int32[N, 64] x) => (bool[N, 64, 257] y) <int32[257] all = {{{values}}}> {{
      o = Constant<value_ints = [2]>() u = Unsqueeze(x, o) y = Equal(u, all) }}"""
    x = np.concatenate([f["x"] for f in batches(tmp_path, text)])
    assert x.min() == 0 and 200 < x.max() <= 256


def test_sequence_lengths(tmp_path: Path) -> None:
    text = HEAD + """agraph (float[5, B, 2] x, int32[B] n) => (float[S, D, B, 1] y)
      <float[1, 4, 2] W = {1, 2, 3, 4, 5, 6, 7, 8}, float[1, 4, 1] R = {1, 2, 3, 4}> {
        y = LSTM<hidden_size = 1>(x, W, R, , n) }"""
    assert set(batches(tmp_path, text)[0]["n"].tolist()) == {5}


@pytest.mark.parametrize(("kind", "dtype"), [
    ("float16", np.float16), ("double", np.float64), ("bool", np.bool_), ("string", np.object_), ("uint64", np.uint64)])
def test_every_type(tmp_path: Path, kind: str, dtype: type) -> None:
    first = batches(tmp_path, HEAD + f"agraph ({kind}[N, 3] x) => ({kind}[N, 3] y) {{ y = Identity(x) }}")[0]
    assert first["x"].dtype == dtype


def test_sequences_scalars_and_no_inputs(tmp_path: Path) -> None:
    text = HEAD + "agraph (seq(float[N]) s, float f) => (float y, int64 n) { y = Neg(f) n = SequenceLength(s) }"
    first = batches(tmp_path, text)[0]
    assert len(first["s"]) == 3 and first["f"].shape == ()
    none = batches(tmp_path, HEAD + "agraph () => (float y) { y = Constant<value_float = 1.0>() }")
    assert none == [{}]


def test_the_seed_decides(tmp_path: Path) -> None:
    text = HEAD + "agraph (float[N, 3] x) => (float[N, 3] y) { y = Neg(x) }"
    one, same, other = (batches(tmp_path, text, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0]["x"], other[0]["x"]) and not np.array_equal(one[0]["x"], one[1]["x"])


def test_finite_outputs_are_preferred(tmp_path: Path) -> None:
    text = HEAD + """agraph (int64[N] d) => (float[N] y) { f = Cast<to = 1>(d) i = Reciprocal(f) y = Neg(i) }"""
    assert all((f["d"] == 1).all() for f in batches(tmp_path, text))


@pytest.mark.parametrize(("text", "why"), [
    (f"agraph (float[{MOST_ELEMENTS + 1}] x) => (float[N] y) {{ y = Identity(x) }}", "elements"),
    ("agraph (bfloat16[2] x) => (bfloat16[2] y) { y = Identity(x) }", "bfloat16"),
    ("agraph (float[N, 3] x) => (float[K, L] y) { a = Shape(x) b = Add(a, a) y = Reshape(x, b) }", "give --data")])
def test_no_inputs_and_why(tmp_path: Path, text: str, why: str) -> None:
    result = found(tmp_path, HEAD + text)
    assert isinstance(result, str) and why in result and "\n" not in result
