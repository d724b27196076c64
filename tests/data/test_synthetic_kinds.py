"""What synthetic inputs look like: the kinds of images and ids, and the range that a model's first layer asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper, parser, save

from lightweight_cli.data.batches import Batches
from lightweight_cli.data.synthetic.kinds.choices import CHOICES, choices
from lightweight_cli.data.synthetic.kinds.images import IMAGES, MIX, images
from lightweight_cli.data.synthetic.kinds.tokens import tokens
from lightweight_cli.data.synthetic.ranges import BYTES, IMAGENET, RANGES, SIGNED, UNIT, FirstLayer, likely, moves, ranged
from lightweight_cli.data.synthetic.search import synthetic_batches
from lightweight_cli.model.skeleton import read_skeleton
from lightweight_cli.runtime.sessions import interface, open_session


@pytest.mark.parametrize("kind", [*IMAGES, MIX])
@pytest.mark.parametrize("shape", [(4, 3, 64, 64), (2, 1, 28, 28), (1, 3, 48, 320), (2, 4, 1, 1), (1, 3, 2, 300), (0, 3, 8, 8)])
def test_images_of_every_kind(kind: str, shape: tuple[int, int, int, int]) -> None:
    made, again, other = (images(kind, np.random.default_rng(seed), shape) for seed in (0, 0, 1))
    assert made.shape == shape and made.dtype == np.float32 and np.array_equal(made, again)
    assert made.min(initial=0) >= 0 and made.max(initial=0) <= 1
    if made.size > 1000:
        assert not np.array_equal(made, other) and made.std() > 0.03


def test_neighbours_are_alike_in_all_but_patches() -> None:
    """What tells a picture from noise: in white noise half of this is 1."""
    for kind in ("leaves", "documents", "pink"):
        x = images(kind, np.random.default_rng(0), (4, 1, 128, 128))
        assert np.square(np.diff(x, axis=3)).mean() / x.var() < 0.5, kind


def test_ids_stand_between_the_ends_of_their_vocabulary() -> None:
    rng = np.random.default_rng(0)
    ids = tokens(rng, (8, 16), 30522, texts=True)
    assert (ids[:, 0] == 101).all() and (ids[:, -1] == 102).all() and ids[:, 1:-1].min() >= 999 and ids.max() < 30522
    free = tokens(rng, (64, 16), 77, texts=True)
    assert free.min() == 0 and free.max() == 76
    clip = tokens(rng, (8, 16), 49408, texts=True)
    assert (clip[:, -1] == 49407).all() and clip[:, 1:-1].max() < 49406


@pytest.mark.parametrize("kind", CHOICES)
def test_choices_are_of_the_values_there_are(kind: str) -> None:
    made = choices(kind, np.random.default_rng(0), (6, 200), np.arange(257.0))
    assert made.shape == (6, 200) and set(made.ravel()) <= set(range(257)) and len(np.unique(made)) > 20


@pytest.mark.parametrize("which", [UNIT, SIGNED, IMAGENET, BYTES])
def test_a_range_by_the_first_layers_normalization_or_its_bias(which: object) -> None:
    rng = np.random.default_rng(0)
    sample = images(MIX, rng, (8, 3, 48, 48))
    weight = rng.standard_normal((16, 3, 3, 3)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(ranged(sample, which), (3, 3), axis=(2, 3))  # type: ignore[arg-type]
    spread = np.einsum("nchwij,ocij->onhw", windows, weight).std((1, 2, 3))
    assert likely(FirstLayer(weight, None, -spread), sample)[0] == which
    assert likely(FirstLayer(weight, np.full(16, np.median(spread)), None), sample)[0] == which


def test_without_a_telling_layer_images_lie_between_0_and_1() -> None:
    sample = np.full((2, 3, 2, 2), 0.5, np.float32)
    assert likely(None, sample) == list(RANGES)
    assert likely(FirstLayer(np.ones((2, 3, 5, 5), np.float32), np.ones(2), None), sample) == list(RANGES)
    assert likely(FirstLayer(np.ones((2, 3, 2, 2), np.float32), np.zeros(2), None), sample) == list(RANGES)


def test_outputs_that_do_not_move_are_seen() -> None:
    still = np.ones((4, 10), np.float32)
    assert not moves([still]) and not moves([np.arange(4)]) and moves([still, np.eye(4, dtype=np.float32)])


def test_the_range_reaches_the_feeds(tmp_path: Path) -> None:
    """A model that was normalized for bytes: its outputs hardly move for smaller inputs."""
    rng = np.random.default_rng(0)
    text = """<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 3, 32, 32] x) => (float[N, 8] y) {
        c = Conv(x, W, B) r = Relu(c) p = GlobalAveragePool(r) y = Flatten(p) }"""
    model = parser.parse_model(text)
    model.graph.initializer.extend([
        numpy_helper.from_array((rng.standard_normal((8, 3, 3, 3)) / 100).astype(np.float32), "W"),
        numpy_helper.from_array(np.full(8, 5.0, np.float32), "B")])
    path = str(tmp_path / "m.onnx")
    save(model, path)
    session = open_session(path)
    found = synthetic_batches(session, interface(session), read_skeleton(path), 0, lambda: None, path=path)
    assert isinstance(found, Batches)
    assert max(b.feed["x"].max() for b in found) > 100
    assert [b.kind for b in found] == list(IMAGES)


@pytest.mark.parametrize("nodes", ["a = Mul (x, S)  b = Add (a, T)", "d = Cast <to = 1> (x)  a = Sub (d, M)  b = Div (a, D)"])
@pytest.mark.parametrize(("unit", "top"), [(255.0, 255), (1.0, 1)])
def test_a_model_that_normalizes_its_images_tells_their_range(nodes: str, unit: float, top: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = parser.parse_model(f"""<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 3, 32, 32] x) => (float[N, 8] y) {{
        {nodes} c = Conv(b, W) r = Relu(c) p = GlobalAveragePool(r) y = Flatten(p) }}""")
    mean, spread = np.array([0.485, 0.456, 0.406], np.float32) * unit, np.array([0.229, 0.224, 0.225], np.float32) * unit
    values = {"S": 1 / spread, "T": -mean / spread, "M": mean, "D": spread}
    model.graph.initializer.extend(numpy_helper.from_array(v.astype(np.float32).reshape(1, 3, 1, 1), n) for n, v in values.items())
    model.graph.initializer.append(numpy_helper.from_array(rng.standard_normal((8, 3, 3, 3)).astype(np.float32), "W"))
    path = str(tmp_path / "m.onnx")
    save(model, path)
    session = open_session(path)
    found = synthetic_batches(session, interface(session), read_skeleton(path), 0, lambda: None, path=path)
    assert isinstance(found, Batches) and 0.9 * top < max(b.feed["x"].max() for b in found) <= 1.01 * top


def test_a_model_that_takes_one_line_of_text_is_given_one(tmp_path: Path) -> None:
    """Its height is 1 behind a stride of 16 and a pool of 3, as in PP-OCR; or it is stated."""
    for shape, nodes in (("N, 3, H, W", "p = AveragePool <kernel_shape = [48, 2], strides = [48, 2]> (x)  y = Squeeze (p, two)"),
                         ("N, 3, 40, W", "y = Identity (x)")):
        model = parser.parse_model(f"""<ir_version: 10, opset_import: ["": 18]> agraph (float[{shape}] x) => (float y)
            <int64[1] two = {{2}}> {{ {nodes} }}""")
        path = str(tmp_path / "m.onnx")
        save(model, path)
        session = open_session(path)
        found = synthetic_batches(session, interface(session), read_skeleton(path), 0, lambda: None)
        assert isinstance(found, Batches) and next(iter(found)).feed["x"].shape == (4, 3, 40 if "40" in shape else 48, 320)
