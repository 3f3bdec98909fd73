"""The cost challenge: scenarios, hand-ins, the table of the class."""
