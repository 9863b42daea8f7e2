"""Several runs on one sheet, and painting a picture again."""
