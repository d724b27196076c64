"""Outputs that are no scores and no measures, class numbers or text: equal or not."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.certify.evidence import Drop, Evidence, of_shares


class Equality(Evidence):
    """A row is the share of a sample's values that changed; which were right is not known, so that all count as lost."""

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add values [n, ...]."""
        self.parts.append((x != y).reshape(len(x), -1).mean(1)[:, None])

    def drop(self) -> Drop | None:
        """Return the share changed with a standard error added, and its bound."""
        changed = self.rows[:, 0]
        return of_shares(changed, changed) if len(changed) else None
