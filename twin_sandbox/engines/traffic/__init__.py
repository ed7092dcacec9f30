"""Traffic on SUMO."""
