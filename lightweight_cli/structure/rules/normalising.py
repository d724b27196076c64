"""Normalization, pooling, reductions: what they do over channels would change if some went; over anything else it does not."""

from __future__ import annotations

from lightweight_cli.structure.trace import Op, Unfit

OVER = "{} works over all of them"


def batch_normalization(op: Op) -> None:
    """Tie its four vectors to the channels."""
    _alone(op)
    for name in op.x[1:5]:
        op.trace.same(name, 0, op.x[0], 1)
    op.same(range(op.rank(op.x[0])))


def instance_normalization(op: Op) -> None:
    """Tie scale and bias to the channels; space stays."""
    for name in op.x[1:3]:
        op.trace.same(name, 0, op.x[0], 1)
    op.same([0, 1])
    space(op)


def group_normalization(op: Op) -> None:
    """Tie the channels of each group; as many groups as stay are stated."""
    trace, groups = op.trace, op.attribute("num_groups")
    labels = trace.axis(op.x[0], 1)
    if labels is None or not groups or len(labels) % groups:
        raise Unfit("its groups are not known")
    by_group = labels.reshape(groups, -1)
    for j in range(1, by_group.shape[1]):
        trace.labels.tie(by_group[:, 0], by_group[:, j])
    for name in op.x[1:3]:
        trace.put(name, 0, labels if trace.sizes.fixed(name, 0) == len(labels) else by_group[:, 0])
    trace.anew.append((op.node, "num_groups", lambda kept: int(kept(by_group[:, 0]).sum())))
    op.same([0, 1])
    space(op)


def space(op: Op) -> None:
    """Let the axes from the third on stay, of what is read and made."""
    for name in (op.x[0], op.y[0]):
        for k in range(2, op.rank(name)):
            op.trace.freeze(name, k, "a position in space or time")


def pooling(op: Op) -> None:
    """Let batch and channels pass, and space stay."""
    _alone(op)
    op.same([0, 1])
    space(op)


def _alone(op: Op) -> None:
    """Refuse an operator that gives more than its result: means, indices. Raises: Unfit."""
    if len([y for y in op.y if y]) > 1:
        raise Unfit("it gives more than its result")


def layer_normalization(op: Op) -> None:
    """Let the normalised axes stay, and those before them pass."""
    _alone(op)
    rank = op.rank(op.x[0])
    axis = op.attribute("axis", -1) % rank
    for k in range(axis, rank):
        op.trace.freeze(op.x[0], k, OVER.format(op.type))
        op.trace.freeze(op.y[0], k, OVER.format(op.type))
    for name in op.x[1:]:
        op.trace.freeze(name, None, OVER.format(op.type))
    op.same(range(axis))


def softmax(op: Op) -> None:
    """Let the axis stay, before opset 13 those after it too; the others pass."""
    rank, old = op.rank(op.x[0]), op.trace.scope.opset < 13
    axis = op.attribute("axis", 1 if old else -1) % rank
    over = range(axis, rank) if old else (axis,)
    for k in range(rank):
        if k in over:
            op.trace.freeze(op.x[0], k, OVER.format(op.type))
            op.trace.freeze(op.y[0], k, OVER.format(op.type))
        else:
            op.same([k])


def reduction(op: Op) -> None:
    """Let the reduced axes stay, the others pass to where they are in the result."""
    rank = op.rank(op.x[0])
    given = op.values(1, "axes")
    if given is None and op.type.startswith("Arg"):
        given = [op.attribute("axis", 0)]
    if given is None and op.given(1):
        raise Unfit("its axes are not constant")
    if not given and op.attribute("noop_with_empty_axes"):
        raise Unfit("its axes are not stated")
    over = {k % rank for k in given} if given else set(range(rank))
    at = 0
    for k in range(rank):
        if k in over:
            op.trace.freeze(op.x[0], k, OVER.format(op.type))
            at += op.attribute("keepdims", 1)
        else:
            op.trace.same(op.y[0], at, op.x[0], k)
            at += 1
