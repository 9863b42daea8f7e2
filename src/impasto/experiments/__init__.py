"""Several runs side by side, and runs that are done again."""
