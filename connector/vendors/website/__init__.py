"""The company's own website: forms and page events that it sends to us, signed."""
