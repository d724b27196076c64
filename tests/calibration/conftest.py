"""Calibration in this process: the child's side is asked directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightweight_cli.calibration.handler import Handler
from lightweight_cli.calibration.message import from_arrays
from lightweight_cli.calibration.reading import open_model
from lightweight_cli.calibration.statistics import Statistics

EVERY = 10**9
"""More rows than there are: all are taken."""
Seen = dict[str, "Statistics | str"]


@pytest.fixture
def calibrate(tmp_path: Path) -> Callable[..., Seen]:
    """Return what each weight of a model file sees on `data`, in the order of the layers; `walk`: what replaces a weight."""

    def do(model: str, data: Mapping[str, np.ndarray], walk: Callable[[str, Any], np.ndarray | None] | None = None,
           histogram: bool = False, times: int = 1, keep: bool = False, **options: Any) -> Seen:
        np.savez(tmp_path / "data.npz", **data)
        weights = open_model(model)[1]
        keys = list(weights)
        request = {"do": "open", "model": model, "portion": {"paths": [str(tmp_path / "data.npz")]}, "weights": keys, "rows": EVERY,
                   "seed": 0, "memory": 1 << 20, "threads": 1, "batch_size": None, "held_out": False, "renormalized": False, **options}
        handler, told = Handler(), []
        opened, _ = handler(request, {}, lambda *stage: told.append(stage[0]))
        for _ in range(times):
            if keep:
                handler({"do": "start", "walk": False, "histogram": False, "keep": True}, {}, lambda *stage: None)
                while handler({"do": "next"}, {}, lambda *stage: None)[0] is not None:
                    pass
            handler({"do": "start", "walk": walk is not None, "histogram": histogram, "keep": False}, {}, lambda *stage: None)
            seen: Seen = {keys[i][1]: why for i, why in opened["lost"]}
            values: dict[str, np.ndarray] = {}
            while (answered := handler({"do": "next"}, values, lambda *stage: None))[0] is not None:
                answer, arrays = answered
                key = keys[answer["weight"]]
                assert key[1] not in seen
                seen[key[1]] = answer["reason"] if "reason" in answer else from_arrays(answer, arrays)
                weight = weights[key]
                new = walk(key[1], weight.read(0, weight.size).reshape(weight.shape)) if walk is not None else None
                values = {} if new is None else {"values": new}
        return seen

    return do
