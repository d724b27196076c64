"""Random models: a walk that changes nothing sees what the model as it is sees, wherever weights are and whatever stores them."""

from __future__ import annotations

import numpy as np
import pytest
from fuzz.models import random_model

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.errors import LwcError
from lightweight_cli.runtime.sessions import interface, open_session

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(bool)": np.bool_,
         "tensor(int64)": np.int64}


@pytest.mark.parametrize("seed", range(40))
def test_an_idle_walk_sees_the_model(save, calibrate, seed):
    path = save(random_model(seed))
    try:
        session = open_session(path)
        R = np.random.default_rng(seed)
        ports = [(p.name, p.type, [d if isinstance(d, int) else 4 for d in p.shape]) for p in interface(session).inputs]
        data = {name: R.standard_normal(shape).astype(TYPES[kind]) for name, kind, shape in ports}
        session.run(None, data)
        seen = calibrate(path, data)
    except LwcError as e:
        pytest.fail(str(e))
    except Exception as e:  # onnxruntime's exceptions have no common base
        pytest.skip(f"does not run: {e}")
    walked = calibrate(path, data, walk=lambda name, values: values, times=2, keep=bool(seed % 2))
    assert walked.keys() == seen.keys()
    for name, one in seen.items():
        other = walked[name]
        if not isinstance(one, Statistics) or one.moments is None:
            assert type(one) is type(other)
            continue
        S, again = one.moments.S, other.moments.S
        if np.isfinite(S).all():
            assert np.allclose(S, again, rtol=1e-3, atol=1e-4 * np.abs(S).max())
