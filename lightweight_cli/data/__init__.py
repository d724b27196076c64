"""What models are fed: batches from files and readers, labels, conforming and splitting, synthetic inputs.

Here belongs everything between a data file and the dict that a session takes. What outputs are worth is `checking`'s; nothing of
passes, reports or the command line is imported.
"""
