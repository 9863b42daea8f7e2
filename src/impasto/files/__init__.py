"""Opening files for reading, and writing files completely or not at all."""
