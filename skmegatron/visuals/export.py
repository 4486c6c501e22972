"""Pictures for files and for Graphviz."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from skmegatron.errors import GraphError, MissingDependencyError
from skmegatron.nodes.topology import check_topology, topology
from skmegatron.optional import optional
from skmegatron.visuals.drawing import printable
from skmegatron.visuals.layout import clip
from skmegatron.visuals.svg import Rankdir, pipeline_svg, topology_svg

#: Boxes and lines; Graphviz takes minutes for more.
_MOST_FOR_GRAPHVIZ = 10_000
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
    return _dot(topology(pipeline.graph), rankdir)


def _dot(graph: Mapping[str, Any], rankdir: Rankdir) -> Any:
    pydot = optional("pydot", extra="viz", purpose="Describing a graph for Graphviz")
    dot = pydot.Dot("pipeline", graph_type="digraph", rankdir=rankdir)
    dot.set_node_defaults(style="filled", fontname="Helvetica")
    dot.set_edge_defaults(fontname="Helvetica", fontsize="10")
    boxes: dict[str, str] = {}  # of each node, the box that edges start from
    for node in graph["nodes"]:
        if "reads" not in node:
            boxes[node["name"]] = f"input {node['name']}"
            dot.add_node(_box(pydot, boxes[node["name"]], node["kind"], node["name"]))
            continue
        box = f"step {node['name']}"
        boxes.update((port["name"], box) for port in node["gives"])
        dot.add_node(_box(pydot, box, node["kind"], _label(node)))
        for start, looks in _edges(node):
            dot.add_edge(pydot.Edge(_quoted(boxes[start]), _quoted(box), **looks))
    for name in graph["outputs"]:
        dot.add_node(_box(pydot, f"output {name}", "output", name))
        dot.add_edge(pydot.Edge(_quoted(boxes[name]), _quoted(f"output {name}")))
    return dot


def _label(step: Mapping[str, Any]) -> str:
    kind = (step["estimator"] or step["layer"]).rpartition(".")[2]
    return str(step["name"]) if step["passthrough"] else f"{step['name']}\n{kind}"


def _edges(step: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the node that each edge to a step starts from, and how the edge looks."""
    yield from ((name, {}) for name in step["reads"])
    for key, name in step["fit_only"].items():
        yield name, {"style": "dashed", "label": _quoted(key)}
    if step["state_of"] is not None:
        yield step["state_of"], {"style": "dotted", "label": "state"}


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
    shapes = vars(pipeline).get("_shapes", {})
    return topology_imsave(topology(pipeline.graph, shapes), path, rankdir)


def topology_imsave(
    graph: Mapping[str, Any], save_path: str | os.PathLike[str], rankdir: Rankdir = "TB"
) -> Path:
    """Save a picture of a graph that is only described, as a saved file describes it.

    Parameters
    ----------
    graph : mapping
        What `skmegatron.nodes.topology.topology` gives, or ``describe(path)["graph"]``.
    save_path : path-like
        As in `pipeline_imsave`.
    rankdir : {"TB", "LR"}, default="TB"

    Returns
    -------
    Path
        `save_path`.

    Raises
    ------
    GraphError
        If the description is none of a graph, or of one too large for Graphviz.
    MissingDependencyError
        If there is no Graphviz for the format.

    Examples
    --------
    >>> import tempfile
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> path = tempfile.mkdtemp() + "/double.svg"
    >>> sm.visuals.topology_imsave(topology(sm.Pipeline(x, x * 2).graph), path).name
    'double.svg'
    """
    check_topology(graph)
    path = Path(save_path)
    kind, system = path.suffix[1:].lower(), shutil.which("dot")
    if kind == "svg":
        path.write_text(topology_svg(graph, rankdir), encoding="utf-8")
        return path
    dot = _dot(graph, rankdir)
    if kind == "dot":
        path.write_text(dot.to_string(), encoding="utf-8")
        return path
    if len(dot.get_node_list()) + len(dot.get_edge_list()) > _MOST_FOR_GRAPHVIZ:
        raise GraphError(
            f"{len(graph['nodes']):,} nodes are too many for a picture as {path.suffix}. "
            "Save as .dot, or draw a part of the graph: Pipeline(inputs, node)."
        )
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


def _quoted(text: str) -> str:
    text = clip(printable(text), 200).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.replace("\n", "\\n") + '"'
