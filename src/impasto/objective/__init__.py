"""The loss of a canvas and its gradient, whole or by tiles."""
