"""Pictures for files and for Graphviz."""

from __future__ import annotations

import os
import shutil
import sysconfig
from io import BytesIO
from pathlib import Path
from typing import Any

from skmegatron.errors import MissingDependencyError
from skmegatron.nodes.core import InputNode, Node, Target
from skmegatron.nodes.graph import Graph
from skmegatron.optional import optional
from skmegatron.visuals.svg import Rankdir, pipeline_svg

#: Fill and shape of each kind of box; fit-only edges are dashed.
_LOOKS = {
    "input": {"fillcolor": "#e3edf9", "color": "#2563b0", "shape": "oval"},
    "target": {
        "fillcolor": "#f9ecd9",
        "color": "#a86400",
        "shape": "oval",
        "style": "filled,dashed",
    },
    "step": {"fillcolor": "#f4f5f7", "color": "#6b7280", "shape": "box"},
    "output": {"fillcolor": "#dff0e4", "color": "#1f7a3d", "shape": "oval", "penwidth": "2"},
    "metric": {"fillcolor": "#efe5f7", "color": "#7c3aa6", "shape": "box"},
    "explorer": {"fillcolor": "#dff1f1", "color": "#147a7a", "shape": "box"},
}


def pipeline_to_dot(pipeline: Any, rankdir: Rankdir = "TB") -> Any:
    """Describe a pipeline's graph for Graphviz.

    Parameters
    ----------
    pipeline : Pipeline
    rankdir : {"TB", "LR"}, default="TB"
        Top to bottom or left to right.

    Returns
    -------
    pydot.Dot

    Raises
    ------
    MissingDependencyError
        If pydot is not installed.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.visuals import pipeline_to_dot
    >>> x = sm.Input("x")
    >>> print(pipeline_to_dot(sm.Pipeline(x, sm.layers.Whiten()(x))).get_rankdir())
    TB
    """
    pydot = optional("pydot", extra="viz", purpose="Describing a graph for Graphviz")
    graph: Graph = pipeline.graph
    dot = pydot.Dot("pipeline", graph_type="digraph", rankdir=rankdir)
    dot.set_node_defaults(style="filled", fontname="Helvetica")
    dot.set_edge_defaults(fontname="Helvetica", fontsize="10")
    for node in graph.path:
        if isinstance(node, InputNode):
            kind = "target" if isinstance(node, Target) else "input"
            dot.add_node(_box(pydot, _key(graph, node), kind, node.name))
    for step, name in graph.names.items():
        metric = next((m for m in graph.metrics if m.step is step), None)
        explorer = next((e for e in graph.explorers if e.step is step), None)
        kind = "metric" if metric is not None else "explorer" if explorer is not None else "step"
        wrapped = getattr(step.layer, "wrapped", step.layer)
        label = name if isinstance(wrapped, str) else f"{name}\n{type(wrapped).__name__}"
        dot.add_node(_box(pydot, f"step {name}", kind, label))
        for parent in step.inbound_nodes:
            dot.add_edge(pydot.Edge(_quoted(_key(graph, parent)), _quoted(f"step {name}")))
        for key, parent in step.fit_only.items():
            edge = {"style": "dashed", "label": key}
            dot.add_edge(pydot.Edge(_quoted(_key(graph, parent)), _quoted(f"step {name}"), **edge))
        if step.state_of is not None:
            state = {"style": "dotted", "label": "state"}
            source = _quoted(_key(graph, step.state_of))
            dot.add_edge(pydot.Edge(source, _quoted(f"step {name}"), **state))
    for output in graph.outputs:
        key = f"output {graph.node_names[output]}"
        dot.add_node(_box(pydot, key, "output", graph.node_names[output]))
        dot.add_edge(pydot.Edge(_quoted(_key(graph, output)), _quoted(key)))
    return dot


def pipeline_imshow(pipeline: Any, rankdir: Rankdir | None = None) -> Any:
    """Show a pipeline's graph in a notebook.

    Parameters
    ----------
    pipeline : Pipeline
    rankdir : {"TB", "LR"}, default=None
        Top to bottom or left to right; None takes what fits.

    Returns
    -------
    Picture
        Which a notebook shows as SVG.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.visuals import pipeline_imshow
    >>> x = sm.Input("x")
    >>> pipeline_imshow(sm.Pipeline(x, x * 2))._repr_svg_()[:4]
    '<svg'
    """
    return Picture(pipeline_svg(pipeline, rankdir))


class Picture:
    """An SVG picture that notebooks show.

    Parameters
    ----------
    svg : str
    """

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<picture of {len(self.svg)} characters of SVG>"


def pipeline_imsave(
    pipeline: Any, save_path: str | os.PathLike[str] = "pipeline.png", rankdir: Rankdir = "TB"
) -> Path:
    """Save a picture of a pipeline's graph.

    Parameters
    ----------
    pipeline : Pipeline
    save_path : path-like, default="pipeline.png"
        The ending chooses the format: svg is drawn by skmegatron itself; png, pdf and
        whatever else Graphviz knows by the ``dot`` of the system where there is one, else
        by the one that the extra `viz` brings.
    rankdir : {"TB", "LR"}, default="TB"
        Top to bottom or left to right.

    Returns
    -------
    Path
        `save_path`, with ``.png`` where it had no ending.

    Raises
    ------
    MissingDependencyError
        If there is no Graphviz for the format.

    Examples
    --------
    >>> import tempfile
    >>> import skmegatron as sm
    >>> from skmegatron.visuals import pipeline_imsave
    >>> x = sm.Input("x")
    >>> pipeline_imsave(sm.Pipeline(x, x * 2), tempfile.mkdtemp() + "/double.svg").name
    'double.svg'
    """
    path = Path(save_path)
    path = path if path.suffix else path.with_suffix(".png")
    if path.suffix.lower() == ".svg":
        path.write_text(pipeline_svg(pipeline, rankdir), encoding="utf-8")
        return path
    dot = pipeline_to_dot(pipeline, rankdir)
    kind, system = path.suffix[1:].lower(), shutil.which("dot")
    if kind == "pdf" and system is None:
        path.write_bytes(_pdf(dot))  # the dot that pip installs writes none
    else:
        path.write_bytes(dot.create(prog=system or _dot_from_pip(path.suffix), format=kind))
    return path


def _pdf(dot: Any) -> bytes:
    """Put a picture of 300 dots per inch on a page."""
    image = optional("PIL.Image", extra="viz", purpose="Saving .pdf without Graphviz")
    dot.set_dpi(300)
    picture = image.open(BytesIO(dot.create(prog=_dot_from_pip(".pdf"), format="png")))
    page = BytesIO()
    picture.convert("RGB").save(page, "PDF", resolution=300)
    return page.getvalue()


def _dot_from_pip(suffix: str) -> str:
    """Find the program that the extra `viz` brings."""
    found = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts"))
    if found is None:
        raise MissingDependencyError(
            f"Saving {suffix} needs Graphviz. Install it with: pip install "
            '"skmegatron[viz]", or save as .svg, which needs nothing.'
        )
    return found


def _box(pydot: Any, key: str, kind: str, label: str) -> Any:
    return pydot.Node(_quoted(key), label=_quoted(label), **_LOOKS[kind])


def _key(graph: Graph, node: Node) -> str:
    """Name the box that an edge starts from: an input, or the step that made the node."""
    if isinstance(node, InputNode):
        return f"input {node.name}"
    return f"step {graph.names[node.step]}"  # type: ignore[attr-defined]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
