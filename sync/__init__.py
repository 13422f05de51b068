"""The mirror of a network and its catalogue."""
