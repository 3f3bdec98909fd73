"""The Celery side: one engine host inside a worker, and what it tells."""
