"""Stores that hold rows: Redis, Cassandra, memory."""
