"""The resources under `/v1`."""
