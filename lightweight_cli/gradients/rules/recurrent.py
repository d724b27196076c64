"""What RNN, LSTM and GRU have in common. All states are in Y, so gates are calculated for all steps at once; only dh goes step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.scan import scanned
from lightweight_cli.gradients.values import Value


class Direction:
    """One direction of a recurrent node: its weights, what went in and out of its steps, and the gradients that came back."""

    def __init__(self, op: Op, at: int, count: int, reverse: bool) -> None:
        self.op, self.at, self.count, self.reverse = op, at, count, reverse
        self.x, self.w, self.r = op.read(0), self.mine(op.read(1)), self.mine(op.read(2))
        sizes = [op.fixed(op.read(1), 2), op.fixed(op.read(2), 1), op.fixed(op.read(2), 2)]
        if None in sizes:
            raise Unfit("the sizes of its weights are not known")
        self.wide, self.rows, self.hidden = (s or 0 for s in sizes)
        self.bias = self.mine(op.read(3)) if op.input(3) is not None else None
        self.y = self.mine(op.made(0), 1)
        self.first = op.emit("Slice", self.y, np.array([0]), np.array([1]), np.array([0]))
        self.before = self.shifted(self.y, self.start(5))
        whole, last = (op.gs[k] if k < len(op.gs) else None for k in (0, 1))
        self.g = self.mine(whole, 1) if whole is not None else self.zeros(self.y)
        self.last = self.mine(last) if last is not None else self.nothing()

    def mine(self, value: Value, axis: int = 0) -> Value:
        """Return the part of this direction."""
        return self.op.emit("Gather", value, np.array(self.at), axis=axis)

    def zeros(self, like: Value) -> Value:
        """Return zeros of a value's shape."""
        return self.op.constant_value(np.zeros(1, np.float32)).cast(like.type).expanded(self.op.emit("Shape", like))

    def nothing(self) -> Value:
        """Return a state of zeros [batch, hidden]."""
        return self.op.emit("Squeeze", self.zeros(self.first), np.array([0]))

    def start(self, index: int) -> Value:
        """Return the state before the first step, an input or zeros."""
        given = self.op.input(index)
        return self.mine(given) if given is not None else self.nothing()

    def shifted(self, states: Value, start: Value) -> Value:
        """Return for each step the state before it."""
        one = self.op.emit("Unsqueeze", start, np.array([0]))
        low, high = ([1], [2**62]) if self.reverse else ([0], [-1])
        rest = self.op.emit("Slice", states, np.array(low), np.array(high), np.array([0]))
        return self.op.emit("Concat", *((rest, one) if self.reverse else (one, rest)), axis=0)

    def part(self, value: Value, at: int, count: int = 1, axis: int = -1) -> Value:
        """Return the rows of some gates: `count` from gate `at` on."""
        h = self.hidden
        return self.op.emit("Slice", value, np.array([at * h]), np.array([(at + count) * h]), np.array([axis]))

    def times(self, x: Value, weight: Value) -> Value:
        """Return x weight' for all steps."""
        return x @ weight.transposed([1, 0])

    def biased(self, value: Value, gates: tuple[int, int], which: tuple[str, ...] = ("W", "R")) -> Value:
        """Add the biases of W, of R or both for a range of gates."""
        for name in which if self.bias is not None else ():
            assert self.bias is not None
            offset = self.rows // self.hidden if name == "R" else 0
            value = value + self.part(self.bias, offset + gates[0], gates[1] - gates[0], 0)
        return value

    def by_weight(self, gradient: Value, x: Value, wide: int) -> Value:
        """Return the sum over steps and examples of gradient' x."""
        rows = self.op.emit("Shape", gradient)
        width = self.op.emit("Slice", rows, np.array([2]), np.array([3]))
        flat = self.op.emit("Reshape", gradient, self.op.emit("Concat", np.array([-1]), width, axis=0, type=width.type))
        return self.op.emit("Gemm", flat, x.reshaped([-1, wide]), transA=1)


def directions(op: Op, gates: int) -> Iterator[Direction]:
    """Yield the directions of a node. Raises: Unfit for what is rare: lengths, clipping, another layout."""
    for name in ("clip", "layout", "input_forget"):
        if op.attribute(name, 0):
            raise Unfit(f"its {name} is {op.attribute(name)}")
    if op.input(4) is not None:
        raise Unfit("it has sequence_lens")
    how = op.attribute("direction", "forward")
    count = 2 if how == "bidirectional" else 1
    usual = {1: ["Tanh"], 3: ["Sigmoid", "Tanh"], 4: ["Sigmoid", "Tanh", "Tanh"]}[gates]
    given = [a.decode() if isinstance(a, bytes) else a for a in op.attribute("activations", [])]
    if given and given != usual * count:
        raise Unfit(f"its activations are {', '.join(given)}")
    for k in range(count):
        yield Direction(op, k, count, how == "reverse" or k == 1)


def hand_on(op: Op, found: list[dict[int, Value]]) -> None:
    """Give the gradients of all directions: that of x is their sum, those of weights and states are put on top of each other."""
    for index in range(1, 7):
        if all(index in one for one in found):
            op.give(index, op.emit("Concat", *(op.emit("Unsqueeze", one[index], np.array([0])) for one in found), axis=0))
    whole = found[0][0]
    for one in found[1:]:
        whole = whole + one[0]
    op.give(0, whole)


def rnn(op: Op) -> None:
    """h' = tanh(x W' + h R' + b): da = (dh' + g)(1 - h'²), dh = da R; dW = sum da' x, dR = sum da' h, dx = da W."""
    found = []
    for one in directions(op, 1):
        r = one.r

        def body(states: list[Value], inputs: list[Value], r: Value = r) -> tuple[list[Value], list[Value]]:
            da = (states[0] + inputs[0]) * inputs[1]
            return [da @ r], [da]

        (dh,), (da,) = scanned(op, [one.last], [one.g, 1.0 - one.y * one.y], not one.reverse, body)
        total = da.summed([0, 1], keep=False)
        found.append({0: da @ one.w, 1: one.by_weight(da, one.x, one.wide), 2: one.by_weight(da, one.before, one.hidden),
                      3: op.emit("Concat", total, total, axis=0), 5: dh})
    hand_on(op, found)
