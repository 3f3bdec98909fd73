"""What one scheduler step did: seen inside vLLM, told in bytes. No Django."""
