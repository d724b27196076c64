"""The smallest model within a goal: what each weight may become, what that costs, and which of many models to keep.

Here belongs what chooses among results by building and measuring them. How a weight is rounded is `numerics`', what a model does on
data is told by child processes; passes call this, and nothing of them, of recipes or of reports is imported.
"""
