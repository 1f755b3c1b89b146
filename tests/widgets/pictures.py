"""Pictures compared with those kept in ``baseline``: lines, points and pixels; no text, so that fonts do not matter.

``SKYSIEVE_BASELINE=write pytest tests/widgets/test_pictures.py`` draws them anew: look at them before a commit.
"""

import os
from pathlib import Path

import numpy as np
from matplotlib.image import imread
from matplotlib.text import Text
from PIL import Image

BASELINE = Path(__file__).parent / "baseline"
DPI = 60
TOLERANCE = 0.12
"""Of 1. Rasterising otherwise is below it, whatever is drawn elsewhere above: the tests show both."""

_BLOCK = 16


def without_text(figure):
    """What a title or a legend says, other tests read."""
    for ax in figure.axes:
        if ax.get_legend() is not None:
            ax.get_legend().remove()
    for text in figure.findobj(Text):
        if getattr(text, "arrow_patch", None) is None:
            text.set_visible(False)
    return figure


def difference(figure, name, folder, finer=1):
    """How a figure differs from its baseline: the root mean square in the block of pixels where that is largest."""
    drawn, expected = folder / f"{name}.png", BASELINE / f"{name}.png"
    without_text(figure).savefig(drawn, dpi=DPI * finer, facecolor="white")
    if os.environ.get("SKYSIEVE_BASELINE") == "write":
        BASELINE.mkdir(exist_ok=True)
        Image.open(drawn).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(expected, optimize=True)
    ours, theirs = smooth(averaged(imread(drawn), finer)), smooth(imread(expected))
    if ours.shape != theirs.shape:
        return 1.0
    squares = ((ours - theirs) ** 2).mean(axis=-1)
    rows, columns = (-size % _BLOCK for size in squares.shape)
    padded = np.pad(squares, ((0, rows), (0, columns)))
    blocks = padded.reshape(padded.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK).mean(axis=(1, 3))
    return float(np.sqrt(blocks.max()))


def averaged(image, size):
    """Pixels put together by squares."""
    return image.reshape(image.shape[0] // size, size, -1, size, image.shape[-1]).mean(axis=(1, 3))


def smooth(image):
    """The mean of nine pixels: lines and points are a few wide."""
    image = np.asarray(image, dtype=float)[..., :3]
    wide = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    shifted = [wide[i : i + image.shape[0], j : j + image.shape[1]] for i in range(3) for j in range(3)]
    return np.mean(shifted, axis=0)
