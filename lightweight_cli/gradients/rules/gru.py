"""GRU, its gates in the order z, r, h."""

from __future__ import annotations

from lightweight_cli.gradients.op import Op
from lightweight_cli.gradients.rules.recurrent import Direction, directions, hand_on
from lightweight_cli.gradients.rules.scan import scanned
from lightweight_cli.gradients.values import Value


def gru(op: Op) -> None:
    """h' = (1 - z) n + z h; z, r = sigmoid a, n = tanh(x W' + (r h) R' + b), or tanh(x W' + b + r q), q = h R' + b.

    da_z = dh' (h - n) z (1 - z), da_n = dh' (1 - z)(1 - n²). With r before R: ds = da_n R_n, da_r = ds h r (1 - r),
    dh = dh' z + da_zr R_zr + ds r. With r after R: da_r = da_n q r (1 - r), dq = da_n r, dh = dh' z + [da_z, da_r, dq] R.
    """
    hand_on(op, [_one(op, one, bool(op.attribute("linear_before_reset", 0))) for one in directions(op, 3)])


def _one(op: Op, one: Direction, after: bool) -> dict[int, Value]:
    h, gates, new = one.before, one.part(one.r, 0, 2, 0), one.part(one.r, 2, 1, 0)
    into = one.times(one.x, one.w)
    a = one.biased(one.part(into, 0, 2) + one.times(h, gates), (0, 2))
    z, r = (op.emit("Sigmoid", one.part(a, k)) for k in range(2))
    own = one.biased(one.part(into, 2), (2, 3), ("W",))
    if after:
        q = one.biased(one.times(h, new), (2, 3), ("R",))
        n = op.emit("Tanh", own + r * q)
    else:
        q = h
        n = op.emit("Tanh", one.biased(own + one.times(r * h, new), (2, 3), ("R",)))
    slopes = [(h - n) * z * (1.0 - z), (1.0 - z) * (1.0 - n * n), q * r * (1.0 - r), r, z]

    def back(states: list[Value], inputs: list[Value]) -> tuple[list[Value], list[Value]]:
        (dh,), (g, to_z, to_n, to_r, reset, kept) = states, inputs
        dh = dh + g
        dz, dn = dh * to_z, dh * to_n
        emit = dh.into.emit
        if after:
            dr, dq = dn * to_r, dn * reset
            return [dh * kept + emit("Concat", dz, dr, dq, axis=-1) @ one.r], [dz, dr, dn, dq]
        ds = dn @ new
        dr = ds * to_r
        return [dh * kept + emit("Concat", dz, dr, axis=-1) @ gates + ds * reset], [dz, dr, dn, dn]

    (dh,), (dz, dr, dn, dq) = scanned(op, [one.last], [one.g, *slopes], not one.reverse, back)
    da, pair = op.emit("Concat", dz, dr, dn, axis=-1), op.emit("Concat", dz, dr, axis=-1)
    by_r = op.emit("Concat", one.by_weight(pair, h, one.hidden), one.by_weight(dq, h if after else r * h, one.hidden), axis=0)
    bias = op.emit("Concat", *(v.summed([0, 1], keep=False) for v in (da, pair, dq)), axis=0)
    return {0: da @ one.w, 1: one.by_weight(da, one.x, one.wide), 2: by_r, 3: bias, 5: dh}
