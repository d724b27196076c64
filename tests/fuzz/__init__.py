"""Random models and damaged bytes: `python -m fuzz` (in tests/) runs for as long as it is given."""
