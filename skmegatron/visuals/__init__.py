"""Pictures of a pipeline's graph: SVG, HTML for notebooks, files, and Graphviz."""

from skmegatron.visuals.export import (
    pipeline_imsave,
    pipeline_imshow,
    pipeline_to_dot,
    topology_imsave,
)
from skmegatron.visuals.svg import pipeline_html, pipeline_svg, topology_svg

__all__ = [
    "pipeline_html",
    "pipeline_imsave",
    "pipeline_imshow",
    "pipeline_svg",
    "pipeline_to_dot",
    "topology_imsave",
    "topology_svg",
]
