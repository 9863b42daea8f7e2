"""The process: its memory, threads, signals and what it tells while it works."""
