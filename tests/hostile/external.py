"""External data: where a model may not read, and where it may."""

from __future__ import annotations

import os
from pathlib import Path

from onnx import ModelProto, TensorProto

from hostile.cases import Case, Expect, case, parsed, perceptron, weight

R, P, E = Expect.REFUSED, Expect.PASSES, Expect.EITHER
RAW = weight("w1", 16, 32).raw_data
ALL = len(RAW)


def external(**entries: object) -> TensorProto:
    """Return the perceptron's first weight as external data."""
    made = weight("w1", 16, 32)
    made.ClearField("raw_data")
    made.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        made.external_data.add(key=key, value=str(value))
    return made


def beside(folder: Path) -> None:
    """Put data files of all kinds beside the model, and one outside."""
    (folder / "w.bin").write_bytes(RAW)
    (folder / "short.bin").write_bytes(RAW[:-100])
    (folder / "within.bin").write_bytes(bytes(64) + RAW + bytes(64))
    (folder / "gew\u00efcht \u6a21.bin").write_bytes(RAW)
    (folder / "sub").mkdir()
    (folder / "sub" / "w.bin").write_bytes(RAW)
    outside = folder.parent / f"{folder.name}-outside"
    outside.mkdir()
    (outside / "w.bin").write_bytes(RAW)
    (folder / "leaves.bin").symlink_to(outside / "w.bin")
    (folder / "stays.bin").symlink_to("w.bin")
    (folder / "elsewhere").symlink_to(outside)
    (folder / "circle.bin").symlink_to("circle.bin")
    os.link(folder / "sub" / "w.bin", folder / "hard.bin")
    os.mkfifo(folder / "pipe.bin")


def snapshot(folder: Path) -> None:
    """Lay the model out as the Hugging Face cache does: symbolic links to files named by their content."""
    (folder / "blobs").mkdir()
    (folder / "blobs" / "1f").write_bytes(RAW)
    (folder / "model.onnx").rename(folder / "blobs" / "2e")
    (folder / "model.onnx").symlink_to("blobs/2e")
    (folder / "w.bin").symlink_to("blobs/1f")


def in_constant() -> ModelProto:
    """Return a model whose Constant node reads /etc/passwd."""
    model = parsed("agraph (float[N, 2] x) => (float[N, 2] y) { w = Constant<value = float[2, 2] {1, 2, 3, 4}>() y = MatMul(x, w) }")
    tensor = model.graph.node[0].attribute[0].t
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return model


def in_branch() -> ModelProto:
    """Return a model with external data within an If."""
    model = parsed("""agraph (float[N, 16] x, bool c) => (float[N, 32] y) { y = If (c) <
      then_branch = t () => (float[N, 32] o) { o = MatMul(x, w1) },
      else_branch = e () => (float[N, 32] p) { q = MatMul(x, w1) p = Neg(q) }> }""")
    for attribute in model.graph.node[0].attribute:
        attribute.g.initializer.append(external(location="w.bin"))  # twice the same bytes: two files are smaller than one
    return model


TENSORS = [
    (P, "plain", external(location="w.bin", offset=0, length=ALL)),
    (P, "location_only", external(location="w.bin")),
    (P, "folder_within", external(location="sub/w.bin")),
    (P, "offset", external(location="within.bin", offset=64, length=ALL)),
    (P, "unicode", external(location="gew\u00efcht \u6a21.bin")),
    (P, "link_that_stays", external(location="stays.bin")),
    (E, "hard_link", external(location="hard.bin")),
    (E, "wrong_checksum", external(location="w.bin", checksum="0" * 40)),
    (E, "unknown_keys", external(location="w.bin", __class__="x", basepath="/etc")),
    (E, "the_model_itself", external(location="model.onnx", offset=0, length=ALL)),
    (R, "missing", external(location="gone.bin")),
    (R, "short", external(location="short.bin", offset=0, length=ALL)),
    (R, "short_without_length", external(location="short.bin")),
    (R, "length_of_another_shape", external(location="within.bin", offset=64, length=ALL // 2)),
    (R, "offset_past_the_end", external(location="w.bin", offset=1 << 20, length=ALL)),
    (R, "offset_negative", external(location="w.bin", offset=-4, length=ALL)),
    (R, "offset_beyond_64_bits", external(location="w.bin", offset=1 << 70)),
    (R, "length_negative", external(location="w.bin", length=-1)),
    (R, "length_of_exabytes", external(location="w.bin", length=1 << 60)),
    (R, "length_in_words", external(location="w.bin", length="many")),
    (R, "no_location", external(offset=0)),
    (R, "empty_location", external(location="")),
    (R, "nul_in_location", external(location="w.bin\0.txt")),
    (R, "long_location", external(location="a" * 5000)),
    (R, "parent", external(location="../parent-outside/w.bin")),
    (R, "parent_in_the_middle", external(location="sub/../../parent_in_the_middle-outside/w.bin")),
    (R, "passwd_by_parents", external(location="../" * 12 + "etc/passwd")),
    (R, "absolute", external(location="/etc/passwd")),
    (R, "device", external(location="/dev/zero", length=ALL)),
    (R, "backslashes", external(location="..\\backslashes-outside\\w.bin")),
    (R, "drive", external(location="C:w.bin")),
    (R, "folder", external(location="sub")),
    (R, "link_that_leaves", external(location="leaves.bin")),
    (R, "linked_folder", external(location="elsewhere/w.bin")),
    (R, "link_in_a_circle", external(location="circle.bin")),
    (R, "named_pipe", external(location="pipe.bin")),
]


def cases() -> list[Case]:
    """Return the cases."""
    return [
        *(case(expect, name, perceptron(w1=made), beside) for expect, name, made in TENSORS),
        case(P, "cache_of_links", perceptron(w1=external(location="w.bin")), snapshot),
        case(R, "in_a_constant", in_constant()),
        case(
            R, "location_not_utf8", perceptron(w1=external(location="w.bin")).SerializeToString().replace(b"w.bin", b"w.\xff\xfen"), beside
        ),
        case(E, "shared_by_two_branches", in_branch(), beside),
    ]
