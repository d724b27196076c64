"""What a file is, when it is not an ONNX model: told from its first bytes."""

from __future__ import annotations

HEAD = 512
"""Bytes of the beginning that `explain` wants to see."""

# Where a known format's mark stands, the mark, and what to call the file.
MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "a ZIP archive (as .zip, .npz, .pt and .pth files are): unpack or export it first"),
    (0, b"\x1f\x8b", "a gzip file: unpack it first"),
    (0, b"BZh", "a bzip2 file: unpack it first"),
    (0, b"\xfd7zXZ\x00", "an xz file: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd file: unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (257, b"ustar", "a tar archive: unpack it first"),
    (0, b"\x93NUMPY", "a NumPy array (.npy)"),
    (0, b"\x89HDF\r\n", "an HDF5 file (as Keras writes): export the model to ONNX first"),
    (0, b"GGUF", "a GGUF model: only ONNX is read"),
    (4, b"TFL3", "a TensorFlow Lite model: only ONNX is read"),
    (4, b"ORTM", "a model in ORT format: lwc needs the .onnx file it was made from"),
    (8, b'{"', "a safetensors file, which has weights but no graph: export the model to ONNX first"),
)
PICKLE_PROTOCOLS = range(2, 6)
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


def explain(head: bytes, size: int) -> str | None:
    """Say what a file is that can't be an ONNX model, from its first bytes.

    `head` holds the first `HEAD` bytes, or all of a shorter file; `size` is the file's length.
    Returns: a phrase that completes "not an ONNX model but ...", or None when it may be one.
    """
    if size == 0:
        return "an empty file"
    if head.startswith(LFS_POINTER):
        return f"a Git LFS pointer to {_pointed_size(head)}: fetch it with `git lfs pull`"
    for at, mark, what in MARKS:
        if head.startswith(mark, at):
            return what
    if len(head) > 1 and head[0] == 0x80 and head[1] in PICKLE_PROTOCOLS:
        return "a Python pickle (as older .pt and .pkl files are): export the model to ONNX first"
    if not any(head):
        return f"{'nothing but' if size <= len(head) else 'a file that begins with'} zero bytes"
    return _text(head)


def _text(head: bytes) -> str | None:
    """Name the kind of text, or return None for bytes that are not text."""
    if any((byte < 32 and byte not in TEXT_CONTROLS) or byte == 127 for byte in head):
        return None
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":  # a character that the end of `head` cuts in two is fine
            return None
        text = head[: error.start].decode("utf-8-sig")
    start = text.lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        return "an HTML page, as a failed download leaves behind"
    if start.startswith("<?xml"):
        return "an XML file"
    if start.startswith("<") and "ir_version" in start:
        return "ONNX in textual form: convert it with onnx.parser.parse_model first"
    return "JSON text" if start.startswith(("{", "[")) else "plain text"


def _pointed_size(head: bytes) -> str:
    """Name the file that a Git LFS pointer stands for."""
    for line in head.splitlines():
        if line.startswith(b"size ") and line[5:].isdigit() and len(line) < 25:
            return f"a file of {int(line[5:]):,} bytes"
    return "the file"
