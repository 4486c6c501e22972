"""One run of a graph; reached through `Pipeline`."""
