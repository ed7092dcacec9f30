"""A course: its roster and keys, its students' bundles and submissions, grading, and practice at home."""
