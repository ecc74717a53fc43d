"""The job engine: what runs, where, once, and again when its worker dies. Jobs carry no state."""
