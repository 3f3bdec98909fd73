"""The fleet simulator's page and the cost challenge; lab/planning has the arithmetic."""
