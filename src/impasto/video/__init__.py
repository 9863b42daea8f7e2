"""Clips, painted frame by frame without flicker."""
