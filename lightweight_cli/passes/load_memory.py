"""The option of every pass that chooses among encodings which cost memory at load."""

from lightweight_cli.encodings.limits import LOAD_MEMORY
from lightweight_cli.pipeline.option import Option

LOAD_MEMORY_OPTION = Option(
    "Memory that decoding may take at load, in times the weights' float32 size; 32 allows Huffman coding of 4-bit codes.",
    min=2, max=1000)
"""As in `load_memory: Annotated[float, LOAD_MEMORY_OPTION] = LOAD_MEMORY`."""

__all__ = ["LOAD_MEMORY", "LOAD_MEMORY_OPTION"]
