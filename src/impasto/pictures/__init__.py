"""Pictures: read and written, resized, masked, with their profiles and colours."""
