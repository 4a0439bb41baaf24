"""The canvas: planes of light that shapes are painted on, and the camera that looks at them."""

import numpy as np

from bgad.data.synthetic.draws import Draws
from bgad.data.synthetic.noise import smooth

__all__ = ["SIZE", "Canvas", "cover", "illumination", "pixels", "relief"]

SIZE = 256
_AXIS = np.arange(SIZE) - (SIZE - 1) / 2
_X, _Y = np.meshgrid(_AXIS, _AXIS)
ALL = (slice(None), slice(None))


def pixels() -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x, y (256, 256) of the pixels, from the image's centre."""
    return _X, _Y


def cover(distance, softness: float = 1.0):
    """How much of each pixel a shape covers, in [0, 1], from its signed distance.

    `softness` is the width of the edge in pixels.
    """
    return np.clip(0.5 - distance / softness, 0, 1)


def relief(height: np.ndarray) -> np.ndarray:
    """Slope of a height field towards the light at the upper left, 0 at the border."""
    slope = np.zeros_like(height)
    slope[1:-1, 1:-1] = height[2:, 2:] - height[:-2, :-2]
    return slope


class Canvas:
    """Planes of light, 0 to 255 and beyond, and named regions of the thing drawn.

    Attributes
    ----------
    planes : float64 (channels, 256, 256)
    regions : dict of str to (256, 256)
        How much each pixel belongs to a part, in [0, 1]: where defects may be.
    """

    def __init__(self, channels: int) -> None:
        self.planes = np.zeros((channels, SIZE, SIZE))
        self.regions: dict[str, np.ndarray] = {}

    def copy(self) -> "Canvas":
        """A canvas to go on painting on; the regions are shared."""
        other = Canvas.__new__(Canvas)
        other.planes, other.regions = self.planes.copy(), self.regions
        return other

    def light(self, colour) -> np.ndarray:
        """Colour as planes: a number, three numbers or whole planes, averaged if grey."""
        light = np.asarray(colour, dtype=np.float64)
        if light.ndim == 1:
            light = light[:, None, None]
        if light.ndim == 3 and len(light) != len(self.planes):
            light = light.mean(axis=0, keepdims=True)
        return light

    def fill(self, colour) -> None:
        """Cover everything with a colour."""
        self.planes[:] = self.light(colour)

    def paint(self, alpha, colour, window=ALL) -> None:
        """Blend a colour over (a window of) the planes, `alpha` in [0, 1]."""
        part = self.planes[(slice(None), *window)]
        part += alpha * (self.light(colour) - part)

    def shade(self, factor, window=ALL) -> None:
        """Multiply (a window of) the planes, all channels alike."""
        self.planes[(slice(None), *window)] *= factor


def illumination(draws: Draws, light: float, tint: float, channels: int) -> np.ndarray:
    """Gain (channels, 256, 256) of lamp and camera: brightness, white balance, uneven light.

    Parameters
    ----------
    light, tint : float
        Largest relative change of the brightness, and of one channel against the others.
    """
    level = 1 + draws.uniform(-light, light)
    balance = 1 + tint * (2 * draws.unit(channels, 1, 1) - 1)
    slope = (draws.uniform(-1, 1) * _X + draws.uniform(-1, 1) * _Y) / SIZE
    return balance * (level + light * (slope + 0.15 * smooth(draws, 128)))
