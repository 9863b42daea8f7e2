"""One run: from inputs over levels and steps to a result, with its checkpoints."""
