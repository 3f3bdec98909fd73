"""Learners' recordings: kept in a storage, listed, shared, replayed, compared."""
