"""What a node takes in a file is known before it is made."""

from __future__ import annotations

import pytest

from lightweight_cli.model.wire import framed
from lightweight_cli.weights.new_node import NewNode


@pytest.mark.parametrize(("inputs", "outputs", "attributes"), [
    (["a", ".s2x3"], ["b"], {}),
    (["a", "", "c"], ["b" * 127], {"axis": -1, "to": 1}),
    (["ü" * 70], ["b" * 128, "c"], {"split": [3, 400], "keepdims": 0}),
    ([], ["n" * 20_000], {"axes": [0], "alpha": 0.5}),
])
def test_the_size_is_that_of_the_message(inputs, outputs, attributes):
    node = NewNode("Gather", inputs, outputs, attributes)
    message = node.message()
    assert node.nbytes == message.ByteSize()
    assert (list(message.input), list(message.output)) == (inputs, outputs)
    assert {a.name for a in message.attribute} == set(attributes)
    assert node.message() is not message


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384, 1 << 21])
def test_a_frame_is_a_tag_and_a_length(size):
    length, left = 1, size >> 7
    while left:
        length, left = length + 1, left >> 7
    assert framed(size) == 1 + length + size
