"""Claims, figures and texts."""
