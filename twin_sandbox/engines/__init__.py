"""Adapters over the engines that professionals use; one file an engine, and the protocol they share."""
