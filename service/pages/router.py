"""All pages, with their guard and their answers to errors."""

from litestar import Router

from service.pages.access import check_session
from service.pages.arena import ArenaPages
from service.pages.arena_board import download_ratings, show_arena_board
from service.pages.assets import show_asset
from service.pages.benchmark import BenchmarkPages
from service.pages.compare import show_comparison
from service.pages.guides import show_decision, show_guide, show_guides
from service.pages.item import show_item_page
from service.pages.job_pages import JobPages
from service.pages.judge import JudgePages
from service.pages.label_pages import LabelPages
from service.pages.overview import show_overview
from service.pages.reference import ReferencePages
from service.pages.refusals import PAGE_HANDLERS
from service.pages.signing_in import show_login, sign_in, sign_out
from service.pages.try_judge import TryPages

pages = Router(
    path="/",
    route_handlers=[
        show_overview,
        JudgePages,
        show_item_page,
        JobPages,
        ArenaPages,
        BenchmarkPages,
        TryPages,
        show_arena_board,
        download_ratings,
        LabelPages,
        show_comparison,
        show_guides,
        show_guide,
        show_decision,
        ReferencePages,
        show_login,
        sign_in,
        sign_out,
        show_asset,
    ],
    guards=[check_session],
    exception_handlers=PAGE_HANDLERS,
    include_in_schema=False,
)
