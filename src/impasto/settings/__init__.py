"""Settings: recipes and presets, styles, the tables of layers and losses; imports no torch."""
