"""One random model through one random recipe, judged in onnxruntime."""

from __future__ import annotations

import os
import random
import tempfile

import numpy as np
from corpus import recipes, worker
from corpus.original import examine
from corpus.verdicts import Outcome, Verdict
from onnx import ModelProto, TensorProto, numpy_helper

from fuzz.models import random_model
from lightweight_cli.model import tensors
from lightweight_cli.passes.fold import offline
from lightweight_cli.runtime import optimise as child

OPTIONS = (
    "quantize:asymmetric",
    "quantize:granularity=tensor",
    "quantize:granularity=block,block_size=16",
    "quantize:bits=4,granularity=channel",
    "prune:threshold=0.2",
    "prune:sparsity=0.9,scope=global",
    "prune:relative=0.01",
    "prune:sparsity=1",
    "share:bits=1",
    "share:bits=8",
    "share:bits=2,block_size=8",
    "strip:metadata,keep_doc",
)


def recipe_of(choose: random.Random) -> recipes.Recipe:
    """Return one to four random steps."""
    steps = [r[0] for r in recipes.singles()] + list(OPTIONS)
    return tuple(choose.choice(steps) for _ in range(choose.choice((1, 1, 2, 2, 3, 4))))


def outcome(seed: int) -> tuple[recipes.Recipe, Outcome]:
    """Return what came of the model and the recipe of a seed."""
    offline.optimise, offline.judge = child.optimise_here, worker.judge_here
    recipe, model = recipe_of(random.Random(-1 - seed)), random_model(seed)
    with tempfile.TemporaryDirectory(prefix="lwc-fuzz-") as folder:
        path = os.path.join(folder, "model.onnx")
        with open(path, "wb") as file:
            file.write(model.SerializeToString())
        original = examine(path)
        if not original.runs:
            return recipe, Outcome(Verdict.UNVERIFIED, original.why_not)
        found = worker.one(original, recipe, {}, worker.apply)[1]
        if found.verdict is Verdict.WRONG:  # unless onnxruntime's own optimiser is: it may turn infinities into NaN
            found = worker.one(examine(path, "none"), recipe, {}, worker.apply)[1]
        if found.verdict is Verdict.WRONG and recipes.lossy(recipe) and extreme(model):
            return recipe, Outcome(Verdict.UNVERIFIED, f"at the end of float32: {found.detail}")
        return recipe, found


def extreme(model: ModelProto) -> bool:
    """Whether weights are infinite or nearly so: another rounded one may make NaN of that, which the command's check refuses."""
    floats = [numpy_helper.to_array(t) for t in tensors.tensors(model) if t.data_type == TensorProto.FLOAT]
    return any(not np.isfinite(a).all() or float(np.abs(a).max(initial=0)) > 1e37 for a in floats)
