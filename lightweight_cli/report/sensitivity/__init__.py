"""What `lwc sensitivity` found, in four forms."""
