"""The process: memory, threads, signals, and notices to the user."""
