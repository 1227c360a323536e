"""Parts of `benchmarks.chat_history`."""
