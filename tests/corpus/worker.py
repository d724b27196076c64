"""A process that takes one model through recipes. What it works on may kill it."""

from __future__ import annotations

import hashlib
import os
import resource
import tempfile
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import onnxruntime as ort

from corpus.original import Original, examine
from corpus.pool import READY
from corpus.recipes import Recipe, grows, lossy, steps
from corpus.remembered import Remembered
from corpus.verdicts import Outcome, Verdict, compare
from lightweight_cli.checking import judge
from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.judge import Check
from lightweight_cli.checking.verify import verify
from lightweight_cli.cli import compressing
from lightweight_cli.errors import EXIT_BUG, LwcError
from lightweight_cli.jobs import smaller
from lightweight_cli.model.load import load
from lightweight_cli.passes.fold import offline
from lightweight_cli.pipeline.run import run_steps

Apply = Callable[[str, Recipe, str], "tuple[bool, int]"]
"""Takes a model's path, a recipe, and the path for the result."""
MEMORY = 12 << 30
"""Bytes of address space: a model that fills the memory is a crash, not a dead machine."""


def serve(pipe: Connection) -> None:
    """Apply recipes without the command's own check: the harness judges alone."""
    answer(pipe, apply)


def serve_checked(pipe: Connection) -> None:
    """Apply recipes as the command does, with its check."""
    judge.judge = judge_here
    answer(pipe, command)


def answer(pipe: Connection, how: Apply) -> None:
    """Answer requests (path, recipes) with one message a recipe, until the pipe ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    ort.set_default_logger_severity(4)
    # This process is as good as the ones that the pass starts on its own, and is there already.
    remembered = Remembered()
    offline.optimise, offline.judge = remembered.optimise, remembered.judge
    pipe.send(READY)
    while True:
        try:
            path, recipes = pipe.recv()
        except EOFError:
            return
        remembered.forget()
        for recipe, outcome in outcomes(path, recipes, how):
            pipe.send((recipe, outcome))


def judge_here(source: str, candidate: str, check: Check, **more: Any) -> Accuracy:
    """Compare two models in this process."""
    return verify(source, candidate, latency=False)


def outcomes(path: str, recipes: list[Recipe], how: Apply) -> Iterator[tuple[Recipe, Outcome]]:
    """Yield the outcome of each recipe for one model; equal results are judged once."""
    original = examine(path)
    judged: dict[tuple[bytes, bool], Outcome] = {}
    alone: dict[Recipe, tuple[bool, Outcome]] = {}
    for recipe in recipes:
        first = alone.get(recipe[:1])
        if len(recipe) == 2 and first is not None and not first[0] and recipe[1:] in alone:
            yield recipe, alone[recipe[1:]][1]  # a step that changes nothing leaves the model to the next one
            continue
        changed, outcome = one(original, recipe, judged, how)
        if len(recipe) == 1:
            alone[recipe] = changed, outcome
        yield recipe, outcome


def one(original: Original, recipe: Recipe, judged: dict[tuple[bytes, bool], Outcome], how: Apply) -> tuple[bool, Outcome]:
    """Apply one recipe. Returns: whether it changed something, and what came of it."""
    with tempfile.TemporaryDirectory(prefix="lwc-corpus-") as folder:
        result = os.path.join(folder, "result.onnx")
        try:
            changed, before = how(original.path, recipe, result)
        except LwcError as error:
            left = os.listdir(folder)
            if error.exit_code == EXIT_BUG or left:
                return True, Outcome(Verdict.CRASH, f"{type(error).__name__}: {error}{f'; left behind: {left}' if left else ''}")
            return True, Outcome(Verdict.REFUSED, str(error))
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            return True, Outcome(Verdict.CRASH, f"{type(error).__name__}: {error} ({os.path.basename(at.filename)}:{at.lineno})")
        after = sum(f.stat().st_size for f in Path(folder).iterdir())
        if after > before and not grows(recipe):
            return changed, Outcome(Verdict.LARGER, f"{before:,} bytes became {after:,}")
        digest = hashlib.sha256(Path(result).read_bytes()).digest()
        key = digest, lossy(recipe)
        if key not in judged:
            judged[key] = compare(original, result, lossy(recipe))
        return changed, judged[key]


def apply(path: str, recipe: Recipe, result: str) -> tuple[bool, int]:
    """Do what the command does, without its check. Returns: whether a step changed something, and the model's size."""
    model = load(path)
    reports = run_steps(model, steps(recipe))
    candidate, _ = smaller.write_smaller(model, result, any(r.modified for r in reports), grows(recipe))
    try:
        candidate.publish()
    finally:
        candidate.discard()
    model.source.close()
    return any(r.modified for r in reports), model.total_size


def command(path: str, recipe: Recipe, result: str) -> tuple[bool, int]:
    """Do what the command does. Returns: as `apply`, where every recipe counts as a change."""
    compressing.compress(compressing.Job("run", path, steps(recipe), result, quiet=True))
    return True, load(path).total_size
