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
    return topology_to_dot(topology(pipeline.graph), rankdir)


def topology_to_dot(topology: Mapping[str, Any], rankdir: Rankdir = "TB") -> Any:
    """Describe a graph for Graphviz from its description, without a pipeline.

    Parameters
    ----------
    topology : mapping
        As `skmegatron.nodes.topology.topology` gives it, or what JSON made of that.
    rankdir : {"TB", "LR"}, default="TB"
        Top to bottom or left to right.

    Returns
    -------
    pydot.Dot

    Raises
    ------
    GraphError
        If `topology` describes no graph.
    MissingDependencyError
        If pydot is not installed.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> drawn = topology(sm.Pipeline(x, sm.layers.Whiten()(x)).graph)
    >>> [edge.get_source() for edge in sm.visuals.topology_to_dot(drawn).get_edges()]
    ['"input x"', '"step whiten"']
    """
    pydot = optional("pydot", extra="viz", purpose="Describing a graph for Graphviz")
    check_topology(topology)
    dot = pydot.Dot("pipeline", graph_type="digraph", rankdir=rankdir)
    dot.set_node_defaults(style="filled", fontname="Helvetica")
    dot.set_edge_defaults(fontname="Helvetica", fontsize="10")
    keys: dict[str, str] = {}  # the box that an edge from a node starts from
    for one in topology["inputs"]:
        keys[one["name"]] = f"input {one['name']}"
        kind = "target" if one["kind"] == "target" else "input"
        dot.add_node(_box(pydot, keys[one["name"]], kind, one["name"]))
    steps = {one["name"]: one for one in topology["steps"]}
    drawn = [(steps[name], "step") for name in topology["order"] if name in steps]
    drawn += [(end, "metric") for end in topology["metrics"]]
    drawn += [(end, "explorer") for end in topology["explorers"]]
    for step, kind in drawn:
        key = f"step {step['name']}"
        label = step["name"] if step["off"] else f"{step['name']}\n{step['label']}"
        dot.add_node(_box(pydot, key, kind, label))
        for edge in _edges_into(step):
            dot.add_edge(pydot.Edge(_quoted(keys[edge.pop("from")]), _quoted(key), **edge))
        keys.update((made["name"], key) for made in step["outputs"])
    for name in topology["outputs"]:
        dot.add_node(_box(pydot, f"output {name}", "output", name))
        dot.add_edge(pydot.Edge(_quoted(keys[name]), _quoted(f"output {name}")))
    return dot


def _edges_into(step: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for name in step["inbound"]:
        yield {"from": name}
    for keyword, name in step["fit_only"].items():
        yield {"from": name, "style": "dashed", "label": keyword}
    if step["state_of"] is not None:
        yield {"from": step["state_of"], "style": "dotted", "label": "state"}


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
        The ending chooses the format: svg is drawn by skmegatron itself; dot is the text that
        Graphviz reads; png, pdf and whatever else Graphviz knows by the ``dot`` of the system
        where there is one, else by the one that the extra `viz` brings.
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
    drawn = topology(pipeline.graph, vars(pipeline).get("_shapes", {}))
    return topology_imsave(drawn, save_path, rankdir)


def topology_imsave(
    topology: Mapping[str, Any], save_path: str | os.PathLike[str], rankdir: Rankdir | None = "TB"
) -> Path:
    """Save a picture of a graph from its description, without a pipeline.

    Parameters
    ----------
    topology : mapping
        As `skmegatron.nodes.topology.topology` gives it, or what JSON made of that.
    save_path : path-like
        The ending chooses the format, as in `pipeline_imsave`; dot is the text that Graphviz
        reads.
    rankdir : {"TB", "LR"}, default="TB"
        Top to bottom or left to right; None takes what fits.

    Returns
    -------
    Path
        `save_path`, with ``.png`` where it had no ending.

    Raises
    ------
    GraphError
        If `topology` describes no graph, or one too large for Graphviz.
    MissingDependencyError
        If there is no Graphviz for the format.

    Examples
    --------
    >>> import tempfile
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> drawn = topology(sm.Pipeline(x, x * 2).graph)
    >>> sm.visuals.topology_imsave(drawn, tempfile.mkdtemp() + "/double.svg").name
    'double.svg'
    """
    path = Path(save_path)
    path = path if path.suffix else path.with_suffix(".png")
    kind, system = path.suffix[1:].lower(), shutil.which("dot")
    if kind == "svg":
        path.write_text(topology_svg(topology, rankdir), encoding="utf-8")
        return path
    dot = topology_to_dot(topology, rankdir or "TB")
    if kind == "dot":
        path.write_text(dot.to_string(), encoding="utf-8")
        return path
    if len(dot.get_node_list()) + len(dot.get_edge_list()) > _MOST_FOR_GRAPHVIZ:
        raise GraphError(
            f"{len(topology['steps']):,} steps are too many for a picture as {path.suffix}. "
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
