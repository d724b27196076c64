"""Files that are no ONNX model, or were one."""

from __future__ import annotations

import gzip
import io
import pickle
import random
import zipfile

from hostile.cases import Case, Expect, case, perceptron

MODEL = perceptron().SerializeToString()


def zipped() -> bytes:
    """Return what torch.save writes: a ZIP archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    return file.getvalue()


class Trap:
    """An object whose unpickling ends the process."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("import os; os._exit(77)",)


def flipped(seed: int) -> bytes:
    """Return the model with a few bits turned over."""
    choose, data = random.Random(seed), bytearray(MODEL)
    for _ in range(1 + seed % 5):
        data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
    return bytes(data)


REFUSED = {
    "empty": b"",
    "one_byte": MODEL[:1],
    "cut_in_quarter": MODEL[: len(MODEL) // 4],
    "cut_in_half": MODEL[: len(MODEL) // 2],
    "cut_by_one_byte": MODEL[:-1],
    "plain_text": b"this is not the file you are looking for\n",
    "git_lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0f" * 32 + b"\nsize 98765\n",
    "html_page": b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n",
    "zip_archive": zipped(),
    "gzip": gzip.compress(MODEL, mtime=0),
    "pickle": pickle.dumps({"weights": [1.0, 2.0]}),
    "pickle_that_runs_code": pickle.dumps(Trap()),
    "ort_format": b"\x18\0\0\0ORTM" + bytes(64),
    "noise": random.Random(0).randbytes(5000),
    "zeros": bytes(5000),
    "ones": b"\xff" * 5000,
    "junk_after_the_model": MODEL + b"\0\0junk",
    "two_models": MODEL + MODEL,
    "graph_without_model": perceptron().graph.SerializeToString(),
    "tensor_without_model": perceptron().graph.initializer[0].SerializeToString(),
    "json": b'{"ir_version": 8, "graph": {}}',
}


def cases() -> list[Case]:
    """Return the cases."""
    return [
        *(case(Expect.REFUSED, name, content) for name, content in REFUSED.items()),
        case(Expect.EITHER, "name_not_utf8", MODEL.replace(b"agraph", b"agr\xff\xfeh")),
        *(case(Expect.EITHER, f"flipped_bits_{seed}", flipped(seed)) for seed in range(24)),
    ]
