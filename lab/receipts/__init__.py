"""Where a request is between the processes, kept in Redis, and how it ends, once."""
