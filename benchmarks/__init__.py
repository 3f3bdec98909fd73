"""Benchmarks: each module with run() is one, started by manage.py bench."""
