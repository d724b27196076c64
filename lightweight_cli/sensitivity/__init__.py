"""How much each weight matters: what the outputs lose when it alone gets fewer bits, or zeros.

Above passes, whose rounding is used as it is; reports stand above.
"""
