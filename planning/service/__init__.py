"""How fast one worker serves: from the card and the model, or fitted to an engine."""
