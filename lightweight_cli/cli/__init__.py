"""The command line: every command as data, the two ways to read it, the jobs they start, and one place that turns errors into a line.

Here belong commands, options and what happens between reading a model and publishing a result. It may import every other
wing; none but `__main__` imports it. Tensors are not looked at here.
"""
