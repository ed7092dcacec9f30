"""Medium and low voltage on power-grid-model."""
