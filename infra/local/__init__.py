"""The stack on one machine: real Kafka, Cassandra and Redis, and the processes of every role."""
