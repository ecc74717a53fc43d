"""The nouns of lead work (lead, signal, state, decision, calendar): no I/O, no vendor names."""
