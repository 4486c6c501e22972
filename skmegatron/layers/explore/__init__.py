"""Explorers: looks at the data that belong to the graph and run only when asked.

`Explorer` attaches any function. The others describe and draw columns. They see each row
once and keep only a summary of bounded size, so a stream of batches can be described
without holding it: `start` makes the summary, `update` adds a batch, `finish` gives the
table or the figure, and `evaluate` does the three for data that is there at once.
"""

from skmegatron.layers.explore.explorers import (
    Correlate,
    Describe,
    Explorer,
    Histogram,
    OnePassExplorer,
    Scatter,
)
from skmegatron.layers.explore.summaries import (
    Summary,
)

__all__ = [
    "Correlate",
    "Describe",
    "Explorer",
    "Histogram",
    "OnePassExplorer",
    "Scatter",
    "Summary",
]
