"""One function on many items by a few threads."""

import threading

import pytest

from lightweight_cli.weights import in_threads as module
from lightweight_cli.weights.in_threads import in_threads


def test_results_keep_the_order_of_the_items_whoever_is_first(monkeypatch):
    monkeypatch.setattr(module, "THREADS", 2)
    second = threading.Event()

    def work(i):
        if i == 0:
            assert second.wait(10)  # by another thread
        second.set()
        return i * i

    assert in_threads(work, range(50)) == [i * i for i in range(50)]
    assert in_threads(work, []) == []


def test_an_error_is_raised_and_nothing_further_is_begun():
    begun = []

    def work(i):
        begun.append(i)
        raise ValueError(str(i))

    with pytest.raises(ValueError, match=r"^0$"):
        in_threads(work, range(1000))
    assert len(begun) <= module.THREADS
