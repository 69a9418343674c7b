"""A picture as PNG, drawn by Pillow, which the extra `png` installs."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from service.rendering.plot import PLOT_HEIGHT, PLOT_WIDTH, PlotLine, PlotShape, PlotText

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

_SCALE = 2  # pixels per unit, for sharp lines on dense screens
_FONT_SIZE = 13
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def check_pillow() -> None:
    """Raises ValueError if Pillow is not installed."""
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise ValueError('a .png needs Pillow: pip install "judged[png]", or write .svg') from error


def plot_png(shapes: Sequence[PlotShape]) -> bytes:
    """Returns the picture on white as PNG. Raises ImportError if Pillow is not installed."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (PLOT_WIDTH * _SCALE, PLOT_HEIGHT * _SCALE), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT_SIZE * _SCALE)
    for shape in shapes:
        if isinstance(shape, PlotText) and shape.is_upright:
            _write_upright(image, shape, font)
        else:
            _draw(pen, shape, font)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()


def _draw(pen: "ImageDraw.ImageDraw", shape: PlotShape, font: Any) -> None:
    if isinstance(shape, PlotLine):
        ends = [each * _SCALE for each in (shape.x1, shape.y1, shape.x2, shape.y2)]
        pen.line(ends, fill=shape.colour, width=_SCALE)
    elif isinstance(shape, PlotText):
        place = shape.x * _SCALE, shape.y * _SCALE
        pen.text(place, shape.text, fill=shape.colour, font=font, anchor=_ANCHORS[shape.anchor])
    else:
        box = [each * _SCALE for each in (shape.x - 5, shape.y - 5, shape.x + 5, shape.y + 5)]
        if shape.is_hollow:
            pen.rectangle(box, fill="white", outline=shape.colour, width=_SCALE)
        else:
            pen.ellipse(box, fill=shape.colour)


def _write_upright(image: Any, words: PlotText, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> None:
    """Writes the text on a strip of its own, and turns that."""
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (PLOT_HEIGHT * _SCALE, 2 * _FONT_SIZE * _SCALE), "white")
    middle = strip.width / 2, strip.height * 3 / 4
    ImageDraw.Draw(strip).text(middle, words.text, fill=words.colour, font=font, anchor=_ANCHORS["middle"])
    turned = strip.rotate(90, expand=True)
    image.paste(turned, (round(words.x * _SCALE - strip.height * 3 / 4), round(words.y * _SCALE - strip.width / 2)))
