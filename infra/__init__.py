"""What everything stands on: errors, settings, clock, records, Kafka, run loop, local stack."""
