"""What synthetic inputs look like: one kind a file, drawn from a generator and nothing else."""
