"""Water in the city: EPA SWMM, the street surface in two dimensions, and what they exchange."""
