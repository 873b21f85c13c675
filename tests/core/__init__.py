"""The pure core, with real values: what follows from an event, and which laws hold whatever happens."""
