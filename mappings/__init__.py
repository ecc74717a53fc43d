"""The shipped policies: copy one with `tasuki init`."""
