"""What happens between a loaded model and a published result, whoever asked for it: the command line or Python.

Here belong writing what is no larger, the check, the gates, and publishing. Words of a command line are not read here.
"""
