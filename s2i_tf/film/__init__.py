"""A long sound as a film: what is heard along it, smoothed in time, drawn and set to its sound."""
