"""Kafka, Cassandra and Redis on one machine, and the processes of a local stack."""
