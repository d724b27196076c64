"""How a weight's values are stored: one file per layout, chosen by exact size.

values.py says what a layout stores: codes (coded.py), floats (floats.py), codes of vectors (vectors.py). A layout
has NAME, MINIMUM_OPSET, LOAD, `offers(values, opset)` and `emit(e, values, dims)`. Adding one is adding a file
to LAYOUTS, or SPARSE, in choose.py. Codes are mostly in split trees: tree.py, with its parts leaf.py and split.py, the tables of
digit_tables.py and the packed bytes of streams.py; price.py tells what they take before there are codes.
"""
