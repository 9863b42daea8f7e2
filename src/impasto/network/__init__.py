"""VGG-19 and VGG-16: weights, layers on every device, and the tiles that they read a picture in."""
