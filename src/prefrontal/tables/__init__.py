"""Tables: their columns, reading and writing."""
