"""What can be set: recipes and presets, styles, the tables of layers and losses. No torch here."""
