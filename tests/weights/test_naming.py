"""The names that encodings give."""

import itertools

from lightweight_cli.weights.naming import MARKS, PLACE, nth, words


def test_a_name_by_its_number_is_the_one_that_stands_there():
    for marks in (PLACE, MARKS):
        many = len(marks) * 62 * 64
        assert [nth(marks, i) for i in range(many)] == list(itertools.islice(words(marks), many))
