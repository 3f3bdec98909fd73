"""What if: the page that rehearses a recording beside an engine."""
