"""LSTM, GRU, RNN: a hidden unit has its rows in every gate, its column in the recurrent weight, and its place in the states."""

from __future__ import annotations

import numpy as np

from lightweight_cli.structure.trace import Op, Trace, Unfit

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
PEEPHOLES = 3
OF_TIME = "a position in time"


def recurrent(op: Op) -> None:
    """Tie what belongs to a hidden unit, in both directions; the attribute `hidden_size` follows.

    The inputs X W R B sequence_lens initial_h initial_c P; of the outputs Y is [steps, directions, batch, hidden].
    """
    trace, gates, (x, w, r) = op.trace, GATES[op.type], op.x[:3]
    hidden = trace.axis(r, 2)
    if hidden is None or op.attribute("layout") or trace.sizes.fixed(w, 1) != gates * len(hidden):
        raise Unfit("its hidden units are not known")
    trace.same(w, 2, x, 2)
    for name, axis, times in ((w, 1, gates), (r, 1, gates), (op.given(3), 1, 2 * gates), (op.given(7), 1, PEEPHOLES)):
        if name:
            trace.put(name, axis, np.tile(hidden, times))
    for name in (w, r, *(op.given(i) for i in (3, 5, 6, 7))):
        if name:
            trace.freeze(name, 0, "a direction")
    if op.given(4):
        trace.freeze(op.x[4], None, OF_TIME)
    trace.freeze(x, 0, OF_TIME)
    for name, directions, batch in ((op.given(5), 0, 1), (op.given(6), 0, 1), *zip(op.y, (1, 0, 0), (2, 1, 1), strict=False)):
        if name:
            _state(trace, name, directions, batch, x, hidden)
    trace.anew.append((op.node, "hidden_size", lambda kept: int(kept(hidden).sum())))
    inputs = trace.axis(w, 2)
    if inputs is not None:
        trace.layer(op.node, w, inputs, np.tile(hidden, gates), (2, 1))
    trace.layer(op.node, r, hidden, np.tile(hidden, gates), (2, 1))


def _state(trace: Trace, name: str, directions: int, batch: int, x: str, hidden: np.ndarray) -> None:
    """Tie the hidden units of a state or of all of them; steps and directions stay."""
    for axis in range(directions + 1):
        trace.freeze(name, axis, "a direction" if axis == directions else OF_TIME)
    trace.same(name, batch, x, 1)
    trace.put(name, batch + 1, hidden)
