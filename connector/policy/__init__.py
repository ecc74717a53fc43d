"""The policy language: YAML that admins edit, checked and compiled to a `Policy` that the engine runs."""
