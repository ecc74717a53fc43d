"""The imperative shell: ingest → read → evaluate → deliver, each a slice of one connection's or installation's work."""
