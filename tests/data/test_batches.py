"""Evaluation data: every form of it, and every way in which it may not fit."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lightweight_cli.data.batches import Batches, feed_batches, open_batches
from lightweight_cli.errors import InputError
from lightweight_cli.runtime.sessions import Interface, Port

FLOAT, INT = "tensor(float)", "tensor(int64)"
IMAGE = Port("x", FLOAT, ("batch", 1, 4, 4))


def model(*inputs: Port, overridable: tuple[Port, ...] = ()) -> Interface:
    return Interface(inputs, (), overridable)


def npz(path: Path, **arrays: Any) -> str:
    np.savez(path / "data.npz", **arrays)
    return str(path / "data.npz")


def shapes(batches: Batches) -> list[dict[str, tuple[int, ...]]]:
    return [{k: v.shape for k, v in b.feed.items()} for b in batches]


def images(n: int) -> np.ndarray:
    return np.random.default_rng(0).random((n, 1, 4, 4)).astype(np.float32)


def refused(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and caught.value.exit_code == 3
    return message


# --- .npz -------------------------------------------------------------------------------------------------

def test_samples_are_split_into_batches_of_32(tmp_path: Path) -> None:
    found = open_batches([npz(tmp_path, x=images(70))], model(IMAGE))
    assert [b.samples for b in found] == [32, 32, 6] and found.count == 3
    assert np.array_equal(np.concatenate([b.feed["x"] for b in found]), images(70))
    assert [b.samples for b in found] == [32, 32, 6]  # and again
    assert next(iter(found)).sliceable == ("x",)


def test_scalars_of_whole_feeds_are_arrays(tmp_path: Path) -> None:
    """As inputs such as a sampling rate are: onnxruntime takes no numpy scalars."""
    data = npz(tmp_path, x=np.zeros((3, 5, 1, 4, 4), np.float32), sr=np.array([7, 8, 9]))
    found = open_batches([data], model(IMAGE, Port("sr", INT, ())))
    assert [(type(b.feed["sr"]), b.feed["sr"].shape, int(b.feed["sr"])) for b in found] == [(np.ndarray, (), n) for n in (7, 8, 9)]


def test_the_model_may_fix_the_batch(tmp_path: Path) -> None:
    found = open_batches([npz(tmp_path, x=images(6))], model(Port("x", FLOAT, (2, 1, 4, 4))))
    assert shapes(found) == [{"x": (2, 1, 4, 4)}] * 3
    one = open_batches([npz(tmp_path, x=images(6))], model(Port("x", FLOAT, (1, 1, 4, 4))), batch_size=4)
    assert one.count == 6
    said = refused(lambda: open_batches([npz(tmp_path, x=images(5))], model(Port("x", FLOAT, (2, 1, 4, 4)))))
    assert "5 samples" in said and "2" in said


def test_arrays_that_fit_exactly_are_one_batch(tmp_path: Path) -> None:
    ports = model(Port("x", FLOAT, (None, 8)), Port("state", FLOAT, (2, None, 4)), Port("sr", INT, ()))
    found = open_batches([npz(tmp_path, x=np.zeros((3, 8), "f"), state=np.zeros((2, 3, 4), "f"), sr=16000)], ports)
    assert shapes(found) == [{"x": (3, 8), "state": (2, 3, 4), "sr": ()}]


def test_a_further_axis_holds_whole_feeds(tmp_path: Path) -> None:
    ports = model(Port("x", FLOAT, (None, 8)), Port("state", FLOAT, (2, None, 4)), Port("sr", INT, ()))
    file = npz(tmp_path, x=np.zeros((5, 3, 8), "f"), state=np.zeros((5, 2, 3, 4), "f"), sr=np.full(5, 8000))
    assert shapes(open_batches([file], ports)) == [{"x": (3, 8), "state": (2, 3, 4), "sr": ()}] * 5
    fixed = model(Port("x", FLOAT, (1, 4, 4)))
    assert open_batches([npz(tmp_path, x=images(5))], fixed).count == 5


def test_an_input_without_samples_goes_to_every_batch(tmp_path: Path) -> None:
    ports = model(IMAGE, Port("size", FLOAT, (2,)), Port("scale", FLOAT, ()))
    found = open_batches([npz(tmp_path, x=images(40), size=np.ones(2, "f"), scale=np.float32(2))], ports)
    assert shapes(found)[1] == {"x": (8, 1, 4, 4), "size": (2,), "scale": ()}


def test_several_files_are_one_evaluation(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=images(3), y=[1, 2, 3])
    np.savez(tmp_path / "b.npz", x=images(2), label=[4, 5])
    found = open_batches([str(tmp_path / "a.npz"), str(tmp_path / "b.npz")], model(IMAGE))
    assert found.labels is not None and found.labels.tolist() == [1, 2, 3, 4, 5]
    np.savez(tmp_path / "b.npz", x=images(2))
    assert "some have none" in refused(
        lambda: open_batches([str(tmp_path / "a.npz"), str(tmp_path / "b.npz")], model(IMAGE)))


@pytest.mark.parametrize("key", ["labels", "label", "y"])
def test_labels_may_be_in_the_file(tmp_path: Path, key: str) -> None:
    found = open_batches([npz(tmp_path, x=images(3), **{key: np.array([[1], [2], [3]])})], model(IMAGE))
    assert found.labels is not None and found.labels.tolist() == [1, 2, 3]


def test_an_input_may_be_called_y(tmp_path: Path) -> None:
    found = open_batches([npz(tmp_path, y=images(3))], model(IMAGE._replace(name="y")))
    assert found.labels is None and found.count == 1


# --- what does not fit ------------------------------------------------------------------------------------

def test_wrong_keys_are_named_with_what_is_allowed(tmp_path: Path) -> None:
    said = refused(lambda: open_batches([npz(tmp_path, x=images(2), imgs=images(2))], model(IMAGE)))
    assert '"imgs"' in said and '"x"' in said and "labels, label, y" in said
    said = refused(lambda: open_batches([npz(tmp_path, y=[1])], model(IMAGE)))
    assert 'input "x" is missing' in said


def test_wrong_shapes_are_named_with_what_is_allowed(tmp_path: Path) -> None:
    said = refused(lambda: open_batches([npz(tmp_path, x=np.zeros((2, 1, 4, 5), "f"))], model(IMAGE)))
    assert "[2, 1, 4, 5]" in said and "[batch, 1, 4, 4]" in said


@pytest.mark.parametrize(("have", "want", "good"), [
    (np.array([[0, 255]], np.uint8), INT, True), (np.array([[1.0, 2.0]]), FLOAT, True),
    (np.array([[1, 2]], np.int64), "tensor(int32)", True), (np.array([[0, 1]]), "tensor(bool)", True),
    (np.array([[True]]), INT, True), (np.array([[1, 2]], np.uint8), FLOAT, True),
    (np.array([["a", "b"]]), "tensor(string)", True), (np.array([[np.nan]]), "tensor(float16)", True),
    (np.array([[1.0, 2.0]]), INT, True), (np.array([[1.5, 2.0]]), INT, False), (np.array([[np.nan]]), INT, False),
    (np.array([[2.0**63]]), INT, False), (np.array([[-1.0]]), "tensor(uint8)", False), (np.array([[1.0, 0.0]]), "tensor(bool)", True),
    (np.array([[2.0]]), "tensor(bool)", False), (np.array([[2**40]]), "tensor(int32)", False),
    (np.array([[-1]]), "tensor(uint64)", False), (np.array([[2**64 - 1]], np.uint64), INT, False),
    (np.array([[2**24 + 1]]), FLOAT, False), (np.array([[1e9]]), "tensor(float16)", False),
    (np.array([[0, 2]]), "tensor(bool)", False), (np.array([[1]]), "tensor(string)", False),
    (np.array([["a"]]), FLOAT, False), (np.array([[1.0]], "f"), "tensor(bfloat16)", False)])
def test_casts_keep_the_values_or_are_refused(tmp_path: Path, have: np.ndarray, want: str, good: bool) -> None:
    ports, file = model(Port("x", want, (None, None))), npz(tmp_path, x=have)
    if good:
        (batch,) = open_batches([file], ports)
        assert np.array_equal(batch.feed["x"].astype(have.dtype), have, equal_nan=have.dtype.kind == "f")
    else:
        assert '"x"' in refused(lambda: open_batches([file], ports))


def test_label_count_must_match(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.arange(4))
    file = npz(tmp_path, x=images(3))
    said = refused(lambda: open_batches([file], model(IMAGE), labels=str(tmp_path / "labels.npy")))
    assert "4 labels for 3 samples" in said


@pytest.mark.parametrize("labels", [np.float32(1), np.array([1, np.nan, 2]), np.array([1j, 2, 3])])
def test_labels_that_are_none(tmp_path: Path, labels: np.ndarray) -> None:
    np.save(tmp_path / "l.npy", labels)
    refused(lambda: open_batches([npz(tmp_path, x=images(3))], model(IMAGE), labels=str(tmp_path / "l.npy")))


def test_a_labels_npz_needs_a_clear_key(tmp_path: Path) -> None:
    np.savez(tmp_path / "l.npz", a=[1], b=[2])
    said = refused(lambda: open_batches([npz(tmp_path, x=images(1))], model(IMAGE), labels=str(tmp_path / "l.npz")))
    assert '"a", "b"' in said and "labels, label or y" in said


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(marker),)

    np.savez(tmp_path / "evil.npz", x=np.array([Bomb()], object))
    np.save(tmp_path / "evil.npy", np.array([Bomb()], object), allow_pickle=True)
    for name in ("evil.npz", "evil.npy"):
        assert "pickled" in refused(lambda name=name: open_batches([str(tmp_path / name)], model(IMAGE)))
    assert not marker.exists()


@pytest.mark.parametrize(("name", "content"), [
    ("missing.npz", None), ("empty.npz", b""), ("text.npz", b"hello, no arrays here"), ("cut.npy", b"\x93NUMPY\x01"),
    ("cut.npz", b"PK\x03\x04 and nothing"), ("noise.npy", b"\x93NUMPY" + bytes(100))])
def test_damaged_files(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert name in refused(lambda: open_batches([str(tmp_path / name)], model(IMAGE)))


def test_an_array_that_claims_to_be_huge(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", images(1))
    header = (tmp_path / "x.npy").read_bytes().replace(b"(1, 1, 4, 4), }", b"(999999999999, 9), }")
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as file:
        file.writestr("x.npy", header)
    refused(lambda: open_batches([str(tmp_path / "huge.npz")], model(IMAGE)))


# --- other forms ------------------------------------------------------------------------------------------

def test_npy_is_for_one_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", images(3))
    assert open_batches([str(tmp_path / "x.npy")], model(IMAGE)).count == 1
    two = model(IMAGE, Port("z", FLOAT, (None,)))
    assert '"x", "z"' in refused(lambda: open_batches([str(tmp_path / "x.npy")], two))


def test_test_data_sets(tmp_path: Path) -> None:
    for number in (0, 1):
        folder = tmp_path / f"test_data_set_{number}"
        folder.mkdir()
        (folder / "input_0.pb").write_bytes(numpy_helper.from_array(images(2)).SerializeToString())
        sequence = numpy_helper.from_list([np.ones(2, "f"), np.zeros(3, "f")])
        (folder / "input_1.pb").write_bytes(sequence.SerializeToString())
        (folder / "input_2.pb").write_bytes(onnx.OptionalProto(name="o").SerializeToString())
    ports = model(IMAGE, Port("s", "seq(tensor(float))", ()), Port("o", "optional(tensor(float))", (2,)))
    both = open_batches([str(tmp_path)], ports)
    assert both.count == 2
    (batch,) = open_batches([str(tmp_path / "test_data_set_1")], ports)
    assert [len(a) for a in batch.feed["s"]] == [2, 3] and "o" not in batch.feed
    (tmp_path / "test_data_set_1" / "input_0.pb").write_bytes(b"\xff\xff no tensor")
    assert "input_0.pb" in refused(lambda: open_batches([str(tmp_path)], ports))
    (tmp_path / "none").mkdir()
    assert "input_0.pb" in refused(lambda: open_batches([str(tmp_path / "none")], ports))




def test_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.py").write_text(
        "import numpy as np\n"
        "calls = []\n"
        "def reader():\n"
        "    calls.append(1)\n"
        "    for n in (2, 3):\n"
        "        yield {'x': np.full((n, 1, 4, 4), len(calls), np.float64), 'labels': np.arange(n)}\n"
        "ready = [{'x': np.zeros((1, 1, 4, 4), np.float32)}]\n"
        "def broken():\n"
        "    yield {'x': 1 / 0}\n"
        "def odd():\n"
        "    return [5]\n")
    found = open_batches(["data.py:reader"], model(IMAGE))
    assert [b.samples for b in found] == [b.samples for b in found] == [2, 3]
    assert {float(b.feed["x"].max()) for _ in range(2) for b in found} == {1.0}  # read once, kept
    assert found.labels is not None and found.labels.tolist() == [0, 1, 0, 1, 2]
    assert open_batches([str(tmp_path / "data.py") + ":ready"], model(IMAGE)).count == 1
    for name, what in (("broken", "ZeroDivisionError"), ("odd", "dict by input name"), ("nothing", '"nothing"')):
        assert what in refused(lambda name=name: open_batches([f"data.py:{name}"], model(IMAGE)))
    assert "no such file" in refused(lambda: open_batches(["gone.py:reader"], model(IMAGE)))
    (tmp_path / "syntax.py").write_text("def (")
    assert "SyntaxError" in refused(lambda: open_batches(["syntax.py:reader"], model(IMAGE)))


def test_ready_feeds() -> None:
    found = feed_batches([{"x": images(2)}, {"x": images(3)}], model(IMAGE), labels=np.arange(5))
    assert [b.samples for b in found] == [2, 3]
    refused(lambda: feed_batches([{"x": images(2)}], model(IMAGE), labels=np.arange(5)))


def test_overridable_initializers_may_be_fed(tmp_path: Path) -> None:
    ports = model(IMAGE, overridable=(Port("w", FLOAT, (4,)),))
    found = open_batches([npz(tmp_path, x=images(2), w=np.ones(4, "f"))], ports)
    assert shapes(found) == [{"x": (2, 1, 4, 4), "w": (4,)}]
    assert open_batches([npz(tmp_path, x=images(2))], ports).count == 1
