"""Rooms by ISO 13790."""
