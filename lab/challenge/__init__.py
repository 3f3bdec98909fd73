"""The fleet simulator's page and the cost challenge, on top of lab.planning."""
