"""Random models through random recipes, damaged bytes through every reader; `make fuzz` runs more of it."""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from corpus.original import examine
from corpus.verdicts import BROKEN, Verdict
from hostile.cases import Expect, case
from hostile.judged import run, unexpected
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lightweight_cli
from fuzz.check import outcome
from fuzz.damage import damaged, seeds, withstand
from fuzz.models import random_model
from fuzz.mutate import changed, readable
from lightweight_cli.errors import InputError
from lightweight_cli.model.load import load

RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
SEEDS = seeds()
VALID = [data for data in SEEDS if readable(data)]


@given(st.integers(0, 1 << 32))
@RELAXED
def test_random_models_through_random_recipes(seed: int) -> None:
    recipe, found = outcome(seed)
    assert found.verdict not in (*BROKEN, Verdict.REFUSED), (seed, recipe, found)


def test_most_random_models_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, ran = tmp_path_factory.mktemp("models"), 0
    for seed in range(40):
        path = folder / f"{seed}.onnx"
        path.write_bytes(random_model(seed).SerializeToString())
        ran += examine(str(path)).runs
    assert ran >= 36


@given(st.integers(0, 1 << 32))
@settings(RELAXED, max_examples=250)
def test_damaged_bytes_through_every_reader(seed: int) -> None:
    choose = random.Random(seed)
    withstand(damaged(choose.choice(SEEDS), choose.choice(SEEDS), choose))


@given(st.integers(0, 1 << 32))
@settings(RELAXED, max_examples=150)
def test_changed_messages_through_every_reader_and_pass(seed: int) -> None:
    choose = random.Random(seed)
    withstand(changed(choose.choice(VALID), choose))


def test_changed_messages_with_the_check(tmp_path: Path) -> None:
    cases = [case(Expect.EITHER, f"{i}", changed(VALID[i % len(VALID)], random.Random(i))) for i in range(60)]
    files, results = run(cases, tmp_path)
    wrong = unexpected(files, results)
    assert not wrong, "\n".join(wrong)


@given(st.binary(max_size=300))
@settings(RELAXED, max_examples=250)
def test_any_bytes_through_every_reader(data: bytes) -> None:
    withstand(data)


def test_files_are_closed(tmp_path: Path) -> None:
    weights = onnx.numpy_helper.from_array(np.random.default_rng(0).standard_normal((1 << 10, 1 << 10)).astype(np.float32), "W")
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,1024] x) => (float[1,1024] y) { y = MatMul (x, W) }""")
    proto.graph.initializer.append(weights)
    onnx.save(proto, tmp_path / "model.onnx", save_as_external_data=True, location="data")
    gc.collect()
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        lightweight_cli.run(tmp_path / "model.onnx", ["prune:sparsity=0.5", "unpack"]).save(tmp_path / "out.onnx", force=True, check=False)
        gc.collect()
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_refused_files_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(SEEDS[0][:-5])
    gc.collect()
    before = os.listdir("/proc/self/fd")
    for _ in range(20):
        with pytest.raises(InputError):
            load(str(path))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= len(before)
