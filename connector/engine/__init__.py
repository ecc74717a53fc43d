"""The engine: `decide` and its parts. Pure: no I/O, no clock, no randomness, no vendor names."""
