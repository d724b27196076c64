"""Passes that lose nothing, on tables of extreme values: what onnxruntime shows of a result are the same bits."""

from __future__ import annotations

import os
import random
import tempfile

import numpy as np
import onnxruntime as ort
from corpus import worker
from corpus.recipes import Recipe
from corpus.verdicts import Outcome, Verdict

from fuzz.tables import Tables
from lightweight_cli.errors import LwcError
from lightweight_cli.passes.fold import offline
from lightweight_cli.runtime import optimise as child

PASSES = ("pack", "unpack", "dedupe", "fold", "strip")
LEVELS = (ort.GraphOptimizationLevel.ORT_DISABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)


def recipe_of(choose: random.Random) -> Recipe:
    """Return one to three passes, `pack` the most often."""
    return tuple(choose.choice(("pack", "pack", "pack", *PASSES)) for _ in range(choose.choice((1, 1, 2, 2, 3))))


def exact(seed: int) -> tuple[Recipe, Outcome]:
    """Return what came of the tables and the recipe of a seed."""
    offline.optimise, offline.judge = child.optimise_here, worker.judge_here
    recipe, made = recipe_of(random.Random(f"recipe {seed}")), Tables(seed)
    data = made.model().SerializeToString()
    with tempfile.TemporaryDirectory(prefix="lwc-fuzz-") as folder:
        path, result = os.path.join(folder, "model.onnx"), os.path.join(folder, "result.onnx")
        with open(path, "wb") as file:
            file.write(data)
        try:
            expected = [outputs(path, made.feed, level) for level in LEVELS]
        except Exception as error:  # a type that an operator of onnxruntime does not have
            return recipe, Outcome(Verdict.UNVERIFIED, str(error))
        try:
            _, before = worker.apply(path, recipe, result)
        except LwcError as error:
            return recipe, Outcome(Verdict.REFUSED, str(error))
        if os.path.getsize(result) > before and "unpack" not in recipe:
            return recipe, Outcome(Verdict.LARGER, f"{before:,} bytes became {os.path.getsize(result):,}")
        try:
            found = [outputs(result, made.feed, level) for level in LEVELS]
        except Exception as error:
            return recipe, Outcome(Verdict.INVALID, str(error))
    unlike = []
    for i, name in enumerate(o.name for o in made.outputs):
        known = [outputs[i] for outputs in expected]  # onnxruntime's own optimisation may change bits: either will do
        unlike += [min((difference(name, was, now[i], name in made.summed) for was in known), key=len) for now in found]
    wrong = "; ".join(filter(None, unlike))
    return recipe, Outcome(Verdict.WRONG, wrong) if wrong else Outcome(Verdict.EQUAL)


def outputs(path: str, feed: dict[str, np.ndarray], level: ort.GraphOptimizationLevel) -> list[np.ndarray]:
    """Run a model with that much of onnxruntime's optimisation."""
    options = ort.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, feed)


def difference(name: str, before: np.ndarray, after: np.ndarray, summed: bool) -> str:
    """Return in words where bits differ; of sums the sign of zeros and the payload of NaN do not count."""
    if before.dtype != after.dtype or before.shape != after.shape:
        return f"{name}: {before.dtype}{list(before.shape)} became {after.dtype}{list(after.shape)}"
    kind = f"u{before.itemsize}"
    unlike = before.view(kind) != after.view(kind)
    if summed:
        unlike &= (before != after) & ~(np.isnan(before) & np.isnan(after))
    if not unlike.any():
        return ""
    at = np.argwhere(unlike)[0].tolist()
    was, now = (a[tuple(at)] for a in (before, after))
    digits = 2 * before.itemsize
    return (f"{name}: {int(unlike.sum())} of {unlike.size} differ, first at {at}: {was} ({int(was.view(kind)):0{digits}x}) "
            f"became {now} ({int(now.view(kind)):0{digits}x})")
