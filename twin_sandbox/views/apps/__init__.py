"""The public apps: pages on the same twin, for people who install nothing."""
