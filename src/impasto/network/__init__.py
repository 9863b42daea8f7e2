"""VGG-19: its weights, its layers on every device, and the tiles it reads a picture in."""
