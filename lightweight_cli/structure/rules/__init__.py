"""One small rule for each operator: what it ties together. `table.RULES` has them all; operators without one freeze what they touch."""
