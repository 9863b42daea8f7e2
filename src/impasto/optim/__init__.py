"""Optimisers of a canvas: Adam, and L-BFGS with its preconditioner."""
