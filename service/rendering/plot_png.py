"""A picture's shapes as PNG, drawn by Pillow, which is there with the extra `png`."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from service.rendering.plot import HEIGHT, WIDTH, Line, Shape, Words

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

_SCALE = 2  # dots a unit: sharp on today's screens
_FONT_SIZE = 13
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def check_pillow() -> None:
    """Raises ValueError where Pillow is not installed."""
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise ValueError('a .png needs Pillow: pip install "judged[png]", or write .svg') from error


def as_png(shapes: Sequence[Shape]) -> bytes:
    """The picture, white behind. Raises ImportError where Pillow is not installed."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT_SIZE * _SCALE)
    for shape in shapes:
        if isinstance(shape, Words) and shape.is_upright:
            _write_upright(image, shape, font)
        else:
            _draw(pen, shape, font)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()


def _draw(pen: "ImageDraw.ImageDraw", shape: Shape, font: Any) -> None:
    if isinstance(shape, Line):
        ends = [each * _SCALE for each in (shape.x1, shape.y1, shape.x2, shape.y2)]
        pen.line(ends, fill=shape.colour, width=_SCALE)
    elif isinstance(shape, Words):
        place = shape.x * _SCALE, shape.y * _SCALE
        pen.text(place, shape.text, fill=shape.colour, font=font, anchor=_ANCHORS[shape.anchor])
    else:
        box = [each * _SCALE for each in (shape.x - 5, shape.y - 5, shape.x + 5, shape.y + 5)]
        if shape.is_hollow:
            pen.rectangle(box, fill="white", outline=shape.colour, width=_SCALE)
        else:
            pen.ellipse(box, fill=shape.colour)


def _write_upright(image: Any, words: Words, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> None:
    """Written on a strip of its own, which is turned."""
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (HEIGHT * _SCALE, 2 * _FONT_SIZE * _SCALE), "white")
    middle = strip.width / 2, strip.height * 3 / 4
    ImageDraw.Draw(strip).text(middle, words.text, fill=words.colour, font=font, anchor=_ANCHORS["middle"])
    turned = strip.rotate(90, expand=True)
    image.paste(turned, (round(words.x * _SCALE - strip.height * 3 / 4), round(words.y * _SCALE - strip.width / 2)))
