"""`python benchmarks`: how fast impasto is, on this machine, in one run. See `bench.py`."""

from bench import main

if __name__ == "__main__":
    main()
