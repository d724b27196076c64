"""Which weights a pass may touch: globs on names of tensors or nodes, or on the operator that uses them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from lightweight_cli.errors import UsageError, printable
from lightweight_cli.weights.weight import Weight

OPERATOR = "op:"
"""How a pattern begins that is matched with operators, as in op:Gemm."""
CLOSE = 3
"""Names that an error names, where a pattern matches none."""


class Selection(NamedTuple):
    """The patterns of --only and --exclude; an excluded weight stays out even where --only names it."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def reason(self, weight: Weight) -> str:
        """Return why a weight is not to be touched, or nothing."""
        out = next((p for p in self.exclude if matches(p, weight)), None)
        if out is not None:
            return f"excluded (--exclude {printable(out)})"
        if self.only and not any(matches(p, weight) for p in self.only):
            return f"not selected (--only {' '.join(map(printable, self.only))})"
        return ""

    def check(self, weights: Sequence[Weight]) -> None:
        """Refuse a pattern that no weight matches. Raises: UsageError, which names what comes close."""
        for flag, patterns in (("--only", self.only), ("--exclude", self.exclude)):
            for pattern in patterns:
                if not any(matches(pattern, w) for w in weights):
                    raise UsageError(f"{flag} {printable(pattern)}: matches no weight; {closest(pattern, weights)}")


def matches(pattern: str, weight: Weight) -> bool:
    """Whether a pattern means a weight: by its name, or by a node or an operator that uses it."""
    if pattern.startswith(OPERATOR):
        return any(fnmatchcase(r.op, pattern[len(OPERATOR) :]) for r in weight.roles)
    return fnmatchcase(weight.name, pattern) or any(fnmatchcase(r.node.name, pattern) for r in weight.roles if r.node.name)


def closest(pattern: str, weights: Sequence[Weight]) -> str:
    """Return in words what the pattern may have meant."""
    if not weights:
        return "the model has none"
    if pattern.startswith(OPERATOR):
        return f"operators with weights are {', '.join(sorted({printable(r.op) for w in weights for r in w.roles}))}"
    import difflib

    names = list(dict.fromkeys(n for w in weights for n in (w.name, *(r.node.name for r in w.roles)) if n))
    near = difflib.get_close_matches(pattern, names, CLOSE, 0.4) or names[:CLOSE]
    return f"close to it: {', '.join(map(printable, near))}; lwc inspect lists them all"
