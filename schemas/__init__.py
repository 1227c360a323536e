"""What is said: topics, Avro records and examples as reviewed files, and the code that loads them."""
