"""The search: candidates built and measured, until the smallest that keeps the goal, or the best of a size, is known to some percent."""

from __future__ import annotations

from dataclasses import dataclass

from lightweight_cli.search.candidates import Candidates
from lightweight_cli.search.clock import TimeOver
from lightweight_cli.search.sizing import meet
from lightweight_cli.search.smallest import smallest

INTERRUPTED = "interrupted"


@dataclass
class Search(Candidates):
    """Candidates, and why no more were tried."""

    ended: str = ""
    """Why it ended early; "": it did not."""

    def run(self) -> None:
        """Search until the end, the time is over, or the user interrupts: the front has what came of it."""
        try:
            self.first()
            self.explored = self.explore()
            if self.clock.left < 0:
                raise TimeOver
            if self.front.most is None:
                smallest(self)
            else:
                meet(self, self.front.most)
        except TimeOver:
            self.ended = "the time was over"
        except KeyboardInterrupt:
            if self.front.best is None:
                raise
            self.ended = INTERRUPTED
