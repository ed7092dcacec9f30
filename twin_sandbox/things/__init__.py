"""Devices: their ledger, what they report of a run, how they fail, and where observations are kept."""
