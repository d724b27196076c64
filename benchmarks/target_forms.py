"""Models in the forms that lwc writes, and for the places they go to, with inputs: what `targets.py` runs everywhere.

A model is a folder with model.onnx and calib.npz or calib_feeds.npz (lists of inputs, keyed by their names), or eval.py: own_feeds.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper
from own_feeds import calibration

FORMS = {
    "float": None,
    "8 bits": ("quantize", "--bits", "8"),
    "4 bits": ("quantize", "--bits", "4"),
    "pruned 80 %": ("prune", "--sparsity", "0.8"),
    "for speed": ("quantize", "--for", "speed", "--arch", "avx2"),
    "compress": ("compress", "--ratio", "10", "--best-effort"),
}
"""By the command that makes each; --arch avx2: what computes is decided by table, and weights have 7 bits, so that no processor's
sums overflow: with 8, outputs on x86 without VNNI were 6 % off what others give. A search takes minutes, and is run for models up to
SEARCHED bytes."""
SEARCHED = 1 << 20
ROWS = 4
"""Samples that every runtime is fed, one batch."""


class Form(NamedTuple):
    """One file to run."""

    model: str
    form: str
    place: str
    """The target it was made for; empty: none."""
    path: Path


def forms(folder: Path, work: Path, only: Collection[str] = ()) -> Iterator[Form]:
    """Make what is missing of a model's files and yield them: as they are for all, for openvino, and the .ort file.

    `only`: of these forms; empty: of all.
    """
    source, name = folder / "model.onnx", folder.name
    for form, words in FORMS.items():
        if (only and form not in only) or (words is not None and words[0] == "compress" and source.stat().st_size > SEARCHED):
            continue
        stem = f"{name}.{form.replace(' ', '-').replace('-%', '')}"
        plain = work / f"{stem}.onnx"
        for place, suffix in (("", ".onnx"), ("openvino", ".openvino.onnx"), ("ort-format", ".ort")):
            path = work / f"{stem}{suffix}"
            if place and not apart(place, words):
                continue
            if not path.exists() and not made(folder, work, path, words, place):
                continue
            if place != "openvino" or not plain.exists() or path.read_bytes() != plain.read_bytes():
                yield Form(name, form, place, path)


def made(folder: Path, work: Path, path: Path, words: Sequence[str] | None, place: str) -> bool:
    """Make one file; say whether there is one."""
    source = folder / "model.onnx"
    if words is None and not place:
        path.write_bytes(source.read_bytes())
        return True
    data = calibration(folder, work)
    more = [*(("--calibrate", data) if data is not None and words is not None else ()), *(("--target", place) if place else ())]
    command, *options = words if words is not None else ("strip",)
    check = () if command == "compress" else ("--no-check",)
    run = subprocess.run([sys.executable, "-m", "lightweight_cli", command, source, *options, *more, *check, "-o", path, "-q"],
                         capture_output=True, text=True)
    if run.returncode:
        print(f"{path.name}: {run.stderr.strip()}", file=sys.stderr)
    return run.returncode == 0


def apart(place: str, words: Sequence[str] | None) -> bool:
    """Whether a place takes another file of a form than others, and takes it at all."""
    if place == "ort-format":
        return words is None or "--for" in words
    return words is not None and words[0] != "prune"


def feeds(folder: Path, work: Path) -> dict[str, np.ndarray]:
    """Return ROWS samples of a model's own calibration data, as its inputs take them; or the first batch where it holds batches."""
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    stored = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in stored]
    file = calibration(folder, work)
    if file is None:
        raise SystemExit(f"{folder}: has no calib.npz, calib_feeds.npz or eval.py")
    arrays = np.load(file, allow_pickle=False)
    found = {}
    for given in inputs:
        tensor = given.type.tensor_type
        array = np.asarray(arrays[given.name])
        dims = [d.dim_value or None for d in tensor.shape.dim]
        if array.ndim == len(dims) + 1:  # a batch each
            array = array[0]
        elif dims:
            array = array[: dims[0] or ROWS]
        found[given.name] = np.array(array, helper.tensor_dtype_to_np_dtype(tensor.elem_type), order="C")
    return found
