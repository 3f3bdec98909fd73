"""The fleet simulator: its form, its outcome, its charts."""
