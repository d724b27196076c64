"""LSTM, its gates in the order i, o, f, c."""

from __future__ import annotations

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.recurrent import Direction, directions, hand_on
from lightweight_cli.gradients.rules.scan import scanned
from lightweight_cli.gradients.values import Value


def lstm(op: Op) -> None:
    """c' = f c + i n, h' = o tanh c'; gates i, o, f = sigmoid a, n = tanh a, a = x W' + h R' + b.

    dc' += dh' o (1 - tanh² c'), da_o = dh' tanh c' o (1 - o), da_i = dc' n i (1 - i), da_f = dc' c f (1 - f),
    da_n = dc' i (1 - n²), dh = da R, dc = dc' f; dW = sum da' x, dR = sum da' h, db = sum da, dx = da W.
    """
    if op.input(7) is not None:
        raise Unfit("it has peepholes")
    hand_on(op, [_one(op, one) for one in directions(op, 4)])


def _one(op: Op, one: Direction) -> dict[int, Value]:
    a = one.biased(one.times(one.x, one.w) + one.times(one.before, one.r), (0, 4))
    i, o, f = (op.emit("Sigmoid", one.part(a, k)) for k in range(3))
    n = op.emit("Tanh", one.part(a, 3))
    start = one.start(6)

    def cell(states: list[Value], inputs: list[Value]) -> tuple[list[Value], list[Value]]:
        made = states[0] * inputs[0] + inputs[1]
        return [made], [made]

    _, (cells,) = scanned(op, [start], [f, i * n], one.reverse, cell)
    before, bent = one.shifted(cells, start), op.emit("Tanh", cells)
    slopes = [n * i * (1.0 - i), bent * o * (1.0 - o), before * f * (1.0 - f), i * (1.0 - n * n), o * (1.0 - bent * bent), f]

    def back(states: list[Value], inputs: list[Value]) -> tuple[list[Value], list[Value]]:
        (dh, dc), (g, to_i, to_o, to_f, to_n, to_c, kept) = states, inputs
        dh = dh + g
        dc = dc + dh * to_c
        da = dh.into.emit("Concat", dc * to_i, dh * to_o, dc * to_f, dc * to_n, axis=-1)
        return [da @ one.r, dc * kept], [da]

    last = op.gs[2] if len(op.gs) > 2 else None
    (dh, dc), (da,) = scanned(op, [one.last, one.mine(last) if last is not None else one.nothing()], [one.g, *slopes],
                              not one.reverse, back)
    total = da.summed([0, 1], keep=False)
    return {0: da @ one.w, 1: one.by_weight(da, one.x, one.wide), 2: one.by_weight(da, one.before, one.hidden),
            3: op.emit("Concat", total, total, axis=0), 5: dh, 6: dc}


