"""The CRMs. Every vendor has the same file names and passes the same contract tests."""
