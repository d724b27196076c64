"""Branches: the gradient of If is an If on the same condition, in which the branch is calculated again and goes back."""

from __future__ import annotations

from lightweight_cli.gradients.op import Op


def if_(op: Op) -> None:
    """d of what the branches read = their gradients through the branch that was taken, zeros for what it does not read."""
    wanted = sorted({name for name in op.reads if name in op.wanted})
    branches = {name: op.back_through(name, wanted) for name in ("then_branch", "else_branch")}
    for name, gradient in zip(wanted, op.into.emit_all("If", op.read(0), outputs=len(wanted), type=1, **branches), strict=True):
        gradient.type = op.facts.type(name)
        op.given.append((name, gradient))
