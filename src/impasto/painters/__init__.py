"""Painters: networks that learn a style once, and then paint any picture in one pass."""
