"""From scores to competencies, from competencies to certificates."""
