"""What is said: topics, records and examples as reviewed files, and the code that loads them."""
