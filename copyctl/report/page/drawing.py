"""Charts as SVG that takes the colours of the page around it."""

import re
from collections.abc import Sequence
from typing import Any, Final
from xml.etree import ElementTree

import altair as alt
import vl_convert
from markupsafe import Markup

WIDTH: Final = 460
"""Of a chart with its axes, in pixels; a page scales it to its column."""

INK: Final = "currentColor"
COLOURS: Final = ("#3d85c6", "#e08a2c", "#3fa46a", "#c8577e", "#8b72d3", "#2aa6a6", "#a8853a", "#7f8a96")
"""For one series each; they stand out from white and from black."""

DECISION_COLOURS: Final = {
    "copied": "#3fa46a",
    "skipped": "#8d98a5",
    "refused": "#e0a02c",
    "queued": "#3d85c6",
    "dead": "#d2504b",
}

_SVG: Final = "http://www.w3.org/2000/svg"
_NAME: Final = re.compile(r'(\bid="|url\(#)')
_CONFIG: Final = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axisX": {"labelOverlap": True, "labelSeparation": 12},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.15,
        "domainColor": INK,
        "domainOpacity": 0.4,
        "tickColor": INK,
        "tickOpacity": 0.4,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 12,
        "labelLimit": 170,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "title": None,
        "orient": "top",
        "symbolType": "square",
        "symbolStrokeWidth": 0,
        "columns": 4,
    },
    "range": {"category": list(COLOURS)},
}


def series(names: Sequence[str]) -> alt.Color:
    """The colour of each series: always the same for the same names."""
    return alt.Color("series:N", scale=alt.Scale(domain=list(names)), sort=list(names))


def drawn(chart: Any, name: str) -> Markup:
    """A chart as SVG; ``name``: what tells its parts from those of another chart on the page."""
    spec = chart.to_dict()
    spec |= {"config": _CONFIG, "autosize": {"type": "fit", "contains": "padding"}}
    text = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return Markup(_with_hints(_NAME.sub(rf"\g<1>{name}-", text)))  # noqa: S704  the library has escaped it


def _with_hints(text: str) -> str:
    """What a mark says of itself is also shown where a pointer rests on it."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(text)  # noqa: S314  we have just drawn it
    for mark in root.iter():
        said = mark.get("aria-label")
        if (
            said
            and mark.get("role") == "graphics-symbol"
            and mark.get("aria-roledescription") not in ("axis", "legend")
        ):
            ElementTree.SubElement(mark, f"{{{_SVG}}}title").text = said
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.set("role", "img")
    return ElementTree.tostring(root, encoding="unicode")
