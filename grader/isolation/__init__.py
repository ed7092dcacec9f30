"""Student code and answer keys in processes of their own; values and calls cross between them as data."""
