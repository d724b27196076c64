"""One small rule for each operator: from the gradients of its outputs to those of its inputs. `table.RULES` has them all.

In their formulas x are inputs and y outputs, g and dy gradients of outputs, dx those of inputs.
"""
