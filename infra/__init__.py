"""What everything stands on: errors, settings, the clock, records, Kafka, the run loop, the local stack."""
