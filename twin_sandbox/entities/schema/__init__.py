"""What each table holds, one module a part of the city."""
