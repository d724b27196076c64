"""How a weight's values are stored: one file per layout, chosen by exact size.

values.py says what a layout stores: codes (coded.py), floats (floats.py), codes of vectors (vectors.py). A layout
module has NAME, MINIMUM_OPSET, LOAD, `offers(values, opset)` and `emit(e, values, dims)`. Adding one is adding a file
to LAYOUTS, or SPARSE, in choose.py.
"""
