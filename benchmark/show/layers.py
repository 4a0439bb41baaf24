"""A test image with truth, map and contour as layers, which pages overlay and zoom."""

import base64
import io
from html import escape
from typing import Annotated

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from skimage.measure import approximate_polygon, find_contours

from benchmark.show.style import CONTOUR, GROUND_TRUTH

__all__ = ["MEDIA_TYPE", "Layers", "layers", "svg"]

MEDIA_TYPE = "application/vnd.bgad.layers+json"
"""Under which a notebook's output holds a list of `Layers` beside its picture."""

_Side = Annotated[int, Field(gt=0, le=4096)]
_WebP = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+=*$", max_length=10**6)]
_Path = Annotated[str, Field(pattern=r"^[MLZ0-9., ]*$", max_length=10**6)]
_QUALITY = 75


class Layers(BaseModel):
    """What is drawn of an image, none of which can run: it may come from anyone's notebook.

    Attributes
    ----------
    name, heading
        Which image, and how it fared.
    height, width
        In pixels.
    image, map
        WebP, base64.
    truth, contour
        Outlines as SVG paths.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    heading: str
    height: _Side
    width: _Side
    image: _WebP
    map: _WebP
    truth: _Path
    contour: _Path


def layers(
    image: np.ndarray,
    mask: np.ndarray,
    map_: np.ndarray,
    threshold: float | None,
    scale: Normalize,
    name: str,
    heading: str,
) -> Layers:
    """Encode an image's layers.

    Parameters
    ----------
    image, mask, map_ : ndarray
        uint8 (H, W, 3), bool (H, W), float (H, W).
    threshold : float, optional
        Map value of the contour; none is drawn without it.
    scale : Normalize
        Colour scale of the map.
    name, heading : str
        See `Layers`.
    """
    colours = mpl.colormaps["magma"](scale(map_), bytes=True)[..., :3]
    return Layers(
        name=name,
        heading=heading,
        height=image.shape[0],
        width=image.shape[1],
        image=_webp(np.asarray(image)),
        map=_webp(colours),
        truth=_outline(mask, 0.5),
        contour="" if threshold is None else _outline(map_, threshold),
    )


def svg(drawn: Layers, map_opacity: float = 0.0, truth: bool = True, contour: bool = True) -> str:
    """Write layers as an SVG picture that takes the width it is given.

    Parameters
    ----------
    drawn : Layers
    map_opacity : float
        Of the map above the image, from 0 to 1.
    truth, contour : bool
        Whether these are shown at first; a page can change all three by the classes' styles.
    """
    width, height = drawn.width, drawn.height
    place = f'width="{width}" height="{height}"'
    paths = "".join(
        f'<path class="{name}" d="{path}" fill="none" stroke="{colour}" stroke-width="2.2" '
        f'stroke-dasharray="{dashes}" vector-effect="non-scaling-stroke"'
        f"{'' if shown else ' style=display:none'}/>"
        for name, path, colour, dashes, shown in (
            ("truth", drawn.truth, GROUND_TRUTH, "none", truth),
            ("contour", drawn.contour, CONTOUR, "7 2", contour),
        )
    )
    label = escape(drawn.heading)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{label}" width="100%"><title>{label}</title>'
        f'<image href="data:image/webp;base64,{drawn.image}" {place}/>'
        f'<image class="map" href="data:image/webp;base64,{drawn.map}" {place} '
        f'style="opacity:{map_opacity:g}"/>{paths}</svg>'
    )


def _webp(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=_QUALITY, method=4)
    return base64.b64encode(buffer.getvalue()).decode()


def _outline(values: np.ndarray, threshold: float) -> str:
    """Path around what exceeds a threshold, closed along the picture's edge."""
    values = np.asarray(values, np.float32)
    if not values.max() > threshold:
        return ""
    border = min(float(values.min()), 2 * threshold - float(values.max()))
    shape = np.array(values.shape)
    path = []
    for line in find_contours(np.pad(values, 1, constant_values=border), threshold):
        corners = np.clip(approximate_polygon(line, 0.3) - 0.5, 0, shape)[:, ::-1]
        path.append("M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in corners) + "Z")
    return "".join(path)
