"""What is nobody's is found every few seconds, in the default worker."""
