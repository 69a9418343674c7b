"""The pages that people look at, served by the API: templates in `templates/`, style and scripts in `assets/`.

They call the same functions as the API. Every text from people, models and judged systems is escaped by the template
engine; nothing on a page is loaded from another address, and no page needs a script to be read.
"""

from service.pages.refusals import unknown_path
from service.pages.router import pages

__all__ = ["pages", "unknown_path"]
