"""Stores of views: in memory, Redis, Cassandra."""
