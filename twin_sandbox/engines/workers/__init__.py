"""How a library that allows one simulation a process runs in a process of its own."""
