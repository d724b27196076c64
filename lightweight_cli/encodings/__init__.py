"""How a weight's values are stored: one file per layout, chosen by exact size.

A layout module has NAME, `offers(coded, opset)` and `emit(emission, coded, dims)`. Adding one is adding a file to LAYOUTS.
"""
