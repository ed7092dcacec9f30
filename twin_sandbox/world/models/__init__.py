"""The district as the model of each engine."""
