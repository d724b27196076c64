"""What a file that is not a model is said to be."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import onnx
import pytest

from lightweight_cli.model.sniff import HEAD, explain

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90829038\n"


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    return out.getvalue()


@pytest.mark.parametrize(("content", "said"), [
    (b"", "empty file"),
    (LFS, "Git LFS pointer to a file of 90,829,038 bytes"),
    (b"version https://git-lfs.github.com/spec/v1\nsize 9x\n", "Git LFS pointer to the file"),
    (zipped(), "ZIP archive"),
    (gzip.compress(b"model", mtime=0), "gzip file"),
    (pickle.dumps({"weight": [1.0]}), "Python pickle"),
    (b"\x93NUMPY\x01\x00v\x00{'descr'", "NumPy array"),
    (b"\x1c\x00\x00\x00TFL3\x00", "TensorFlow Lite"),
    (b'\x40\x00\x00\x00\x00\x00\x00\x00{"weight":{}}', "safetensors"),
    (b"\n <!DOCTYPE html>\n<html>404", "HTML page"),
    (b"<?xml version='1.0'?>", "XML"),
    (b'{"error": "not found"}', "JSON text"),
    (b'<ir_version: 8, opset_import: ["" : 17]>\nagraph (float[1] x)', "textual form"),
    ("straße ".encode() * 200, "plain text"),
    (b"\0" * 2000, "begins with zero bytes"),
    (b"\0" * 20, "nothing but zero bytes"),
])
def test_a_file_that_is_no_model_is_named(content: bytes, said: str) -> None:
    assert said in str(explain(content[:HEAD], len(content)))


@pytest.mark.parametrize("ir_version", [1, 3, 8, 13])
def test_models_pass(ir_version: int) -> None:
    text = f'<ir_version: {ir_version}, opset_import: ["" : 17]>\nagraph (float[1] x) => (float[1] y) {{ y = Abs(x) }}'
    content = onnx.parser.parse_model(text).SerializeToString()
    assert explain(content[:HEAD], len(content)) is None
    assert explain(content[:1], 1) is None


def test_other_binary_content_is_left_to_the_parser() -> None:
    assert explain(b"\x08\x07\xff\xfe", 4) is None
    assert explain(b"Zo\xeb, latin-1", 11) is None
