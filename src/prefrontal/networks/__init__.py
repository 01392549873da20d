"""Networks with frozen weights: building, reading, playing, recording."""
