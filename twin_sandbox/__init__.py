"""The mini-twin of a sample city district: entities, engines on one clock, things, maps."""
