"""Requests, queues, workers and costs: the simulator and its closed forms."""
