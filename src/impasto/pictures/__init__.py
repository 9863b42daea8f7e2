"""Pictures: reading, writing, resizing, masks, colour profiles and colour transfer."""
