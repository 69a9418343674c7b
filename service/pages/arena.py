"""`/arena`: battles of two models without names, people's votes, and the names after the vote."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect
from redis.asyncio import Redis

from service.api.access import can
from service.api.origins import TAKES_FORMS
from service.arena import battle_page, begin_battle, cast_vote, regenerate_battle, show_battle
from service.config.settings import Settings
from service.contracts.arena import Battle, BattleRequest, BattleStatus, VoteRequest, Winner
from service.contracts.decoding import decode
from service.contracts.items import TEXT_FIELDS, Item
from service.contracts.refusals import Fault, Kind, Refused, impossible
from service.jobs import View, draw_judged_item
from service.pages.access import shown_to
from service.pages.documents import PAGE_HEADERS, document, redirect
from service.pages.forms import (
    FAULT_STATUSES,
    TAKES_TEXTS,
    PageForm,
    faults_by_place,
    new_ticket,
    read_form,
    read_paid_form,
)
from service.pages.item import ShownPrompt, parts_of, shown_messages
from service.pages.texts import TextBudget
from service.pages.words import query
from service.store import judges
from service.store.signals import Signals
from service.threads import aside

_VOTER = Annotated[str | None, QueryParameter(name="voter", max_length=200)]

_MOST_WAIT_S = 20.0  # of a script that waits for the evaluations
_RECENT = 12  # battles
_PLACES = ("/judge", "/models", "/item/input", "/item/output", "/item/outputs", "/item/context", "/item/reference")
_PAIR = ("output_a", "output_b")


class ArenaPages(Controller):
    path = "/arena"
    opt = shown_to("read")

    @get()
    async def show_start(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        judge: Annotated[str, QueryParameter(max_length=200)] = "",
        voter: _VOTER = None,
    ) -> Response[bytes]:
        """Shows the forms that begin a battle, and the newest battles."""
        form = PageForm({"judge": judge, "voter": voter or ""}, "")
        return await _start(request, redis, settings, view, form)

    @post("/battles", opt=shown_to("submit") | TAKES_FORMS, **TAKES_TEXTS)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Response[Any]:
        """Begins a battle over an own sample or over a judged item, and leads to it."""
        form, caller = await read_paid_form(request, redis)
        try:
            asked = await _asked(redis, view, form)
            begun = await begin_battle(redis, settings, asked, caller, form.digest)
        except Refused as refused:
            if refused.kind not in FAULT_STATUSES:
                raise
            return await _start(request, redis, settings, view, form, refused)
        return _leading_to_battle(begun.battle.id, form.given("voter"))

    @get("/battles/{battle_id:str}")
    async def show(
        self,
        request: Request[Any, Any, Any],
        battle_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        voter: _VOTER = None,
    ) -> Response[bytes]:
        """Shows a battle: without names before the vote, and with them to a voter who has voted."""
        battle = await show_battle(redis, signals, settings, view, battle_id, voter or None, 0)
        budget = TextBudget()
        evaluations = battle.evaluations
        sides = [] if evaluations is None else [("A", evaluations.A), ("B", evaluations.B)]
        key = request.state.key
        return await document(
            request,
            "battle.html",
            battle=battle,
            parts=parts_of(battle.item, budget),
            sides=[
                (name, each, None if each.explanation is None else budget.shown(each.explanation))
                for name, each in sides
            ],
            prompts=_shown_prompts(battle, budget),
            is_voted=battle.models is not msgspec.UNSET,
            winners=list(Winner),
            voter=voter or (None if key is None else key.name),
            ticket=new_ticket(),
            may_vote=can(request, "label"),
            may_begin=can(request, "submit"),
        )

    @get("/battles/{battle_id:str}/status")
    async def wait(
        self,
        battle_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Response[dict[str, BattleStatus]]:
        """Returns the status of a battle as JSON, once both evaluations are there or after some seconds."""
        wait_s = min(_MOST_WAIT_S, settings.server.max_wait_seconds)
        battle = await show_battle(redis, signals, settings, view, battle_id, None, wait_s)
        return Response({"status": battle.status}, headers=PAGE_HEADERS)

    @post("/battles/{battle_id:str}/vote", opt=shown_to("label") | TAKES_FORMS, **TAKES_TEXTS)
    async def vote(
        self,
        request: Request[Any, Any, Any],
        battle_id: FromPath[str],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Redirect:
        """Stores a vote. A second one by the same voter changes nothing, and leads to the names too."""
        form = await read_form(request)
        sent = {"winner": form.text("winner"), "voter": form.text("voter").strip()}
        vote = decode(msgspec.json.encode(sent), VoteRequest)
        try:
            await cast_vote(redis, settings, view, battle_id, vote)
        except Refused as refused:
            if refused.kind is not Kind.ALREADY_VOTED:
                raise
        return _leading_to_battle(battle_id, vote.voter)

    @post("/battles/{battle_id:str}/next", opt=shown_to("submit") | TAKES_FORMS, **TAKES_TEXTS)
    async def begin_next(
        self,
        request: Request[Any, Any, Any],
        battle_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Redirect:
        """Begins another battle with the same judge: over another judged item, or over the same sample."""
        form, caller = await read_paid_form(request, redis)
        item = None
        if form.text("item") == "judged":
            earlier = await show_battle(redis, signals, settings, view, battle_id, None, 0)
            ref = earlier.judge
            item = await _judged_item(redis, view, None if ref.name is None else f"{ref.name}@{ref.version}")
        begun = await regenerate_battle(redis, settings, view, battle_id, caller, form.digest, item)
        return _leading_to_battle(begun.battle.id, form.given("voter"))


async def _start(
    request: Request[Any, Any, Any],
    redis: Redis,
    settings: Settings,
    view: View,
    form: PageForm,
    refused: Refused | None = None,
) -> Response[bytes]:
    """The page that begins battles; after a refusal with the form as it was sent, and the faults at its fields."""
    recent = await battle_page(redis, settings, view, None, _RECENT, None)
    return await document(
        request,
        "arena.html",
        status_code=200 if refused is None else FAULT_STATUSES[refused.kind],
        form=form,
        judges=await judges.every_judge(redis),
        faults={} if refused is None else faults_by_place(refused.faults, _PLACES),
        recent=recent.battles,
        ticket=new_ticket(),
        may_begin=can(request, "submit"),
    )


async def _asked(redis: Redis, view: View, form: PageForm) -> BattleRequest:
    """The battle that a form asks for. Raises Refused (invalid) that names each fault."""
    sent: dict[str, Any] = {"judge": form.text("judge"), "models": form.listed("models") or None, "item": {}}
    if form.text("item") == "judged":
        item = await _judged_item(redis, view, form.text("judge"))
        return msgspec.structs.replace(_battle_request(sent), item=item)
    sent["item"] = {name: form.given(name) for name in TEXT_FIELDS}
    outputs = [form.text(name) for name in _PAIR]
    if any(each.strip() for each in outputs):
        sent["item"]["outputs"] = outputs
    return await aside(_battle_request, sent)


def _battle_request(sent: dict[str, Any]) -> BattleRequest:
    return decode(msgspec.json.encode(sent), BattleRequest)


async def _judged_item(redis: Redis, view: View, judge: str | None) -> Item | None:
    """An item that a judge can judge, None if there is no such judge: whoever begins the battle refuses that.

    Raises Refused (impossible) if no item is found.
    """
    stored = None if judge is None else await judges.judge_by_reference(redis, judge)
    if stored is None:
        return None
    item = await draw_judged_item(redis, view, stored.definition)
    if item is None:
        raise impossible([Fault("", f"no item in the newest jobs can be judged by {judge}: paste a sample")])
    return item


def _shown_prompts(battle: Battle, budget: TextBudget) -> list[ShownPrompt]:
    if battle.prompts is msgspec.UNSET:
        return []
    return [ShownPrompt(each.order, shown_messages(each.messages, budget)) for each in battle.prompts]


def _leading_to_battle(battle_id: str, voter: str | None) -> Redirect:
    return redirect(f"/arena/battles/{battle_id}{query({'voter': voter})}")
