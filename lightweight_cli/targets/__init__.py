"""Where a model goes: one file a place, declared once, and what it does not take.

target.py says what a declaration holds; table.py lists them, TARGETS. `refuse.py` tells before the work what can't be had there,
`stored.py` finds weights whose form the place does not take. Passes see a target as the layouts that they may not write
(encodings.limits). Adding a place is adding a file and its line in the table.
"""
