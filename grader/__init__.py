"""Labs to notebooks, sandboxed grading, gradebook, certificates, cohorts; the ``practicum`` command."""
