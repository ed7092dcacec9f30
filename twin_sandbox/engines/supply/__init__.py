"""Water supply on EPANET."""
