"""See docs/decisions and the folder listing in README.md."""
