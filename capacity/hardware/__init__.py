"""The hardware calculator: its form, its answer, its check against an engine."""
