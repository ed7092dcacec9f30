"""Scenarios, runs and sessions: where the engines meet on one clock."""
