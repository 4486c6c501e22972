"""Data in and out; knows nothing of graphs."""
