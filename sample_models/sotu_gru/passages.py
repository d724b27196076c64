"""Cut State of the Union addresses into passages of token ids.

Numbers become one token, so that no passage names its year.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PASSAGE_WORDS = 128
VOCABULARY_WORDS = 3000  # including the two tokens below; ids fit uint16
UNKNOWN, NUMBER = "<unknown>", "<number>"
PERIODS = ("1790-1860", "1861-1913", "1914-2021")  # class 0, 1, 2
FIRST_YEARS = (1790, 1861, 1914)


@dataclass(frozen=True)
class Passage:
    """Consecutive words of one address, and the year it was given."""

    year: int
    words: tuple[str, ...]  # PASSAGE_WORDS of them

    @property
    def period(self) -> int:
        """Index into PERIODS."""
        return sum(self.year >= first for first in FIRST_YEARS) - 1


def read_passages(folder: Path) -> list[Passage]:
    """Read all addresses in the order of their years, leaving out each incomplete last passage."""
    passages = []
    for path in sorted(folder.glob("*.txt")):
        words = split_words(path.read_text(encoding="utf-8"))
        for start in range(0, len(words) - PASSAGE_WORDS + 1, PASSAGE_WORDS):
            passages.append(Passage(int(path.name[:4]), tuple(words[start : start + PASSAGE_WORDS])))
    return passages


def split_words(text: str) -> list[str]:
    """Split text into lower-case words, with NUMBER for every run of digits."""
    return [NUMBER if word[0].isdigit() else word for word in re.findall(r"[a-z]+|[0-9][0-9.,]*", text.lower())]


def count_vocabulary(passages: list[Passage]) -> list[str]:
    """Pick the most frequent words; the index of a word is its token id."""
    counts = Counter(word for passage in passages for word in passage.words)
    counts.pop(NUMBER, None)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: VOCABULARY_WORDS - 2]
    return [UNKNOWN, NUMBER, *frequent]
