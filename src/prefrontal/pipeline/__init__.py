"""The steps from settings to figures, and the commands that run them."""
