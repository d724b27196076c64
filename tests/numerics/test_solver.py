"""The recipe as a whole: never worse than nearest, whatever comes in."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import Layer, error, layer, layers

from lightweight_cli.numerics import codebooks, damping, precision, prior, rate, scales, target
from lightweight_cli.numerics.grid import Grid, Uniform
from lightweight_cli.numerics.moments import Moments, centred, of_rows
from lightweight_cli.numerics.solver import Lay, Method, Solution, solve

KINDS = ["tensor", "channel", "asymmetric", "half columns", "clipped", "step", "codebook"]


def lay(kind: str, shape: tuple[int, ...]) -> Lay:
    """The grids that the recipe knows."""
    groups, outputs, d = shape
    channel = (groups, outputs, 1)
    return {
        "tensor": lambda weight, diagonal: scales.largest(weight, (1, 1, 1), 4),
        "channel": lambda weight, diagonal: scales.largest(weight, channel, 3),
        "asymmetric": lambda weight, diagonal: scales.largest(weight, channel, 4, symmetric=False),
        "half columns": lambda weight, diagonal: scales.largest(weight, (groups, outputs, d), 2, half=True),
        "clipped": lambda weight, diagonal: scales.clipped(weight, scales.largest(weight, channel, 3), diagonal),
        "step": lambda weight, diagonal: scales.step(weight, (1, 1, 1), 0.7, 1023),
        "codebook": lambda weight, diagonal: codebooks.shared(weight, diagonal, channel, 5),
    }[kind]


def objective(found: Solution, codes: np.ndarray, grid: Grid, wanted: np.ndarray, moments: Moments) -> float:
    H = damping.damped(moments.S, damping.strength(moments.S, moments.n))
    return float(error(codes, grid, wanted, H).sum())


@settings(deadline=None, max_examples=80)
@given(layers, st.sampled_from(KINDS), st.integers(0, 2), st.booleans(), st.booleans(), st.booleans())
def test_never_above_nearest(made: Layer, kind: str, sweeps: int, refit: bool, outputs: bool, centre: bool) -> None:
    weight, moments = made.weight, made.moments
    if outputs:
        extra = np.random.default_rng(0).standard_normal(weight.shape) * 0.05
        moments = moments._replace(C=(weight + extra) @ moments.S, my=(weight @ moments.mx[:, :, None])[:, :, 0])
    found = solve(weight, moments, lay(kind, weight.shape), Method(sweeps=sweeps, refit=refit, centre=centre))
    moments = centred(moments) if centre else moments
    wanted = target.moved(weight, moments)
    H = damping.damped(moments.S, damping.strength(moments.S, moments.n))
    laid = lay(kind, weight.shape)(wanted, np.einsum("gii->gi", H))
    assert found.objective <= found.nearest
    for values in (weight.astype(np.float64), wanted):
        plain = laid.spread(weight.shape[2]).nearest(values)
        nearest = objective(found, plain, laid, wanted, moments)
        assert found.objective <= nearest * (1 + 1e-6) + 1e-12
        assert values is wanted or found.nearest == pytest.approx(nearest, rel=1e-6, abs=1e-12)
    assert found.objective == pytest.approx(objective(found, found.codes, found.grid, wanted, moments), rel=1e-6, abs=1e-12)
    assert found.grid.scale.dtype == laid.scale.dtype and (found.grid.scale > 0).all()
    assert found.codes.min() >= found.grid.low and found.codes.max() <= found.grid.high


@settings(deadline=None, max_examples=40)
@given(layers, st.sampled_from(["step", "channel", "codebook"]), st.sampled_from([0.05, 0.15, 1.0]))
def test_priced_bits_are_saved_or_error_is(made: Layer, kind: str, kappa: float) -> None:
    found = solve(made.weight, made.moments, lay(kind, made.weight.shape), Method(kappa=kappa))
    assert found.objective <= found.nearest * (1 + 1e-12) or found.bits < found.nearest_bits
    assert found.bits == rate.entropy(found.codes)


def test_other_codes_than_entropy_can_be_priced() -> None:
    made = layer(1, 20, 60, 300, seed=0)

    def mask(codes: np.ndarray, low: int, high: int) -> np.ndarray:
        """A bit for zero, more for all else."""
        return np.where(np.arange(low, high + 1) == 0, 1.0, 5.0)

    run = partial(solve, made.weight, made.moments, lay("step", made.weight.shape))
    entropy, masked = run(Method(kappa=0.15)), run(Method(kappa=0.15, bits=mask))
    assert (masked.codes == 0).mean() > 1.1 * (entropy.codes == 0).mean()


@settings(deadline=None, max_examples=50)
@given(layers)
def test_weights_on_the_grid_come_back(made: Layer) -> None:
    grid = Uniform(np.full((1, 1, 1), 0.125, np.float32), -7, 7)
    wanted = np.random.default_rng(0).integers(-7, 8, made.weight.shape).astype(np.int16)
    found = solve(grid.decode(wanted), made.moments, lambda weight, diagonal: grid)
    assert np.array_equal(found.codes, wanted) and found.grid.scale == 0.125 and found.objective <= 1e-12


@settings(deadline=None, max_examples=40)
@given(layers, st.sampled_from(["channel", "asymmetric", "clipped"]))
def test_groups_are_independent(made: Layer, kind: str) -> None:
    found = solve(made.weight, made.moments, lay(kind, made.weight.shape))
    parts = []
    for group in range(len(made.weight)):
        one = slice(group, group + 1)
        moments = Moments(made.moments.S[one], made.moments.n)
        parts.append(solve(made.weight[one], moments, lay(kind, made.weight[one].shape)))
    if all(part.objective < part.nearest for part in parts):  # falling back to nearest is for all groups at once
        assert np.array_equal(found.codes, np.concatenate([part.codes for part in parts]))
    assert found.objective == pytest.approx(sum(part.objective for part in parts), rel=1e-6, abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(layers, st.sampled_from(KINDS), st.booleans())
def test_deterministic_and_the_same_for_float64(made: Layer, kind: str, priced: bool) -> None:
    run = partial(solve, moments=made.moments, lay=lay(kind, made.weight.shape), method=Method(kappa=0.15 * priced))
    once, again, wide = run(made.weight), run(made.weight.copy()), run(made.weight.astype(np.float64))
    for other in (again, wide):
        assert once.codes.tobytes() == other.codes.tobytes() and once[2:] == other[2:]
        assert once.grid.scale.tobytes() == other.grid.scale.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_is_near(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = layer(1, 30, 200, 900, seed=5)
    run = partial(solve, made.weight, made.moments, lay(kind, made.weight.shape))
    double = run()
    monkeypatch.setattr(precision, "PRECISE", 0)
    single = run()
    assert single.objective <= single.nearest and single.objective == pytest.approx(double.objective, rel=0.02)
    assert single.nearest == pytest.approx(double.nearest, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("S", ["zero", "one row", "rank 1", "tiny", "huge", "dead half"])
def test_poor_moments(kind: str, S: str) -> None:
    made = layer(2, 3, 8, 40, seed=0)
    x = np.random.default_rng(0).standard_normal((2, 1 if S in ("one row", "rank 1") else 20, 8))
    moments = of_rows(x)
    if S == "dead half":
        x[:, :, ::2] = 0
        moments = of_rows(x)
    factor = {"zero": 0.0, "tiny": 1e-250, "huge": 1e200}.get(S, 1.0)
    moments = moments._replace(S=moments.S * factor, n=None if S == "rank 1" else moments.n)
    weight = made.weight.copy()
    weight[0, 1], weight[1, 2] = 0, 0.25  # a channel of zeros and a constant one
    found = solve(weight, moments, lay(kind, weight.shape))
    assert np.isfinite(found.objective) and found.objective <= found.nearest
    if S == "zero":
        grid = lay(kind, weight.shape)(weight, np.ones((2, 8))).spread(8)
        left = grid.decode(grid.nearest(weight)) - weight
        assert found.nearest == pytest.approx(0.01 * damping.few_rows(8, moments.n) * float((left**2).sum()), rel=1e-5)


def test_a_prior_may_be_the_ridge() -> None:
    made = layer(1, 6, 18, 40, seed=0)
    extra = np.random.default_rng(0).standard_normal(made.weight.shape) * 0.05
    moments = made.moments._replace(C=(made.weight + extra) @ made.moments.S)
    H0 = prior.structural(2, (3, 3))
    found = solve(made.weight, moments, lay("channel", made.weight.shape), Method(prior=H0))
    wanted = target.moved_with_prior(made.weight, moments, H0)
    assert found.objective == pytest.approx(objective(found, found.codes, found.grid, wanted, moments), rel=1e-6)


def test_depthwise_with_a_prior_and_no_data() -> None:
    weight = np.random.default_rng(0).standard_normal((64, 1, 9)).astype(np.float32)
    H0 = prior.structural(1, (3, 3), mu=1)
    found = solve(weight, Moments(np.broadcast_to(H0, (64, 9, 9))), lay("channel", weight.shape))
    assert found.codes.shape == (64, 1, 9) and found.objective < 0.5 * found.nearest


def test_second_order_descent_and_entropy_earn_their_place() -> None:
    """The order of the measured table: nearest, second order, with descent, codebook; priced steps at their entropy."""
    random = np.random.default_rng(0)
    x = random.standard_normal((1, 3000, 128)) @ random.standard_normal((128, 128)) * np.exp(-np.arange(128) / 30)
    x = np.maximum(x @ np.linalg.qr(random.standard_normal((128, 128)))[0], 0)
    weight = (random.standard_normal((1, 128, 128)) * 0.05).astype(np.float32)
    run = partial(solve, weight, of_rows(x))
    channel = (1, 128, 1)
    clipped: Lay = lambda weight, diagonal: scales.clipped(weight, scales.largest(weight, channel, 4), diagonal)  # noqa: E731
    rounded, descended = run(clipped, Method(sweeps=0, refit=False)), run(clipped)
    codebook = run(lambda weight, diagonal: codebooks.shared(weight, diagonal, channel, 16))
    step = run(lambda weight, diagonal: scales.step(weight, (1, 1, 1), 0.35, 1023), Method(kappa=rate.KAPPA))
    assert rounded.objective < 0.5 * rounded.nearest
    assert descended.objective < 0.97 * rounded.objective and codebook.objective < 0.9 * descended.objective
    assert step.objective * 2 ** (2 * step.bits) < 0.9 * codebook.objective * 2 ** (2 * codebook.bits)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_refused(value: float) -> None:
    made = layer(1, 2, 4, 20, seed=0)
    bad = made.moments.S.copy()
    bad[0, 1, 2] = value
    with pytest.raises(ValueError, match="moment S is not finite"):
        solve(made.weight, made.moments._replace(S=bad), lay("channel", (1, 2, 4)))
    with pytest.raises(ValueError, match="weights are not finite"):
        solve(made.weight * np.float32(value), made.moments, lay("channel", (1, 2, 4)))
