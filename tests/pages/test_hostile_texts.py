"""Texts that try to be markup, script, an address or a template: in every field of every page they are data."""

import json
import unicodedata
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.pages.reading import Page, page_of
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

MODEL = "openai/m"
ONE_OF_EACH_KIND = [
    "<script>window.pwned=1</script>",
    '" onmouseover="window.pwned=1',
    "' autofocus onfocus='window.pwned=1",
    "javascript:window.pwned=1",
    "</textarea><script>window.pwned=1</script>",
    "<!--",
    "{{ 7 * 7 }} {% include 'base.html' %}",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "\u202edrowssap\u202c \u2066x\u2069",
    "a\u0000b\u0008c\u001b[31m",
]
PAYLOADS = [
    *ONE_OF_EACH_KIND,
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    '"><script>window.pwned=1</script>',
    "'><img src=x onerror=window.pwned=1>",
    "JaVaScRiPt:window.pwned=1//",
    "data:text/html,<script>window.pwned=1</script>",
    "<a href=javascript:window.pwned=1>x</a>",
    "<iframe srcdoc='<script>window.pwned=1</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example><input name=key></form>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>*{display:none}</style>",
    "</pre></article></main><h1>Signed out</h1>",
    "</title><script>window.pwned=1</script>",
    "</noscript><script>window.pwned=1</script>",
    "--><script>window.pwned=1</script>",
    "<![CDATA[<script>window.pwned=1</script>]]>",
    "{{ request.state.key }} {{ ''.__class__ }}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "&#60;script&#62;window.pwned=1",
    "＜script＞window.pwned=1＜/script＞",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=1>",
    "<x/onclick=window.pwned=1>click",
    "../../etc/passwd?x=1#y%00",
]
PARTS = 4  # of the texts, each in a test of its own: all at once take minutes on a busy machine


def judge(payload: str) -> Row:
    return {
        "criterion": payload[:100].replace("\u0000", ""),
        "method": "category",
        "instructions": payload,
        "choices": [{"label": "fine", "description": payload}, {"label": payload[:90] + "!", "description": payload}],
        "models": [MODEL],
        "system": None if "{" in payload else payload,  # it is a template: one that can't be filled refuses the job
    }


def item(number: int, payload: str) -> Row:
    return {
        "id": f"{number}{payload}",
        **dict.fromkeys(("input", "output", "context", "reference"), payload),
        "metadata": {payload: payload},
        "group": payload[:60],
        "case": payload,
    }


def payload_in(body: Row) -> str:
    """The payload in the texts of a call of a model: the longest, since some are a part of others."""
    text = json.dumps(body["messages"], ensure_ascii=False)
    return max((each for each in PAYLOADS if json.dumps(each, ensure_ascii=False)[1:-1] in text), key=len, default="")


def answer(body: Row) -> Any:
    """The payload comes back in the explanation and the raw text, or as the words of a refusal."""
    payload = payload_in(body)
    if "fail-please" in str(body["messages"]):
        return Reply(status=400, body={"error": {"message": payload}})
    return json.dumps({"explanation": payload, "verdict": "fine"})


def normal(text: str) -> str:
    """A text as an HTML parser has it: without NUL, and with one kind of line end."""
    return text.replace("\u0000", "\ufffd").replace("\r", "\n")


def named(text: str) -> str:
    """A text as a name shows it: with a sign for each character that nobody would see."""
    return "".join("\ufffd" if unicodedata.category(each) in ("Cc", "Cf") else each for each in text)


def times(page: Page, text: str) -> int:
    """How often a page has a text, as it is or as a name."""
    return sum(page.text.count(each) for each in {text, named(text)})


def test_there_are_enough_of_them() -> None:
    assert len(PAYLOADS) >= 30


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
async def test_hostile_texts_are_data_in_every_place(serve: Serve, part: int) -> None:
    payloads = list(enumerate(PAYLOADS))[part::PARTS]
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        client = judged.client
        for number, payload in payloads:
            definition = judge(payload)
            stored = await client.put(f"/v1/judges/j{number}", json=definition)
            assert stored.status_code == 201, stored.text
            changed = {**definition, "instructions": f"{payload} again"}
            assert (await client.put(f"/v1/judges/j{number}", json=changed)).status_code == 201
            label = {"item_id": item(number, payload)["id"], "criterion": definition["criterion"]}
            given = {
                **label,
                "annotator": payload[:200],
                "label": definition["choices"][1]["label"],
                "comment": payload,
            }
            assert (await client.post("/v1/labels", json={"labels": [given]})).status_code == 200
            failing = {"id": f"f{number}", "output": f"{payload} fail-please"}
            await judged.judge([item(number, payload), failing], f"j{number}")
        await holds_everywhere(judged, payloads)


async def can_be_labelled(client: httpx.AsyncClient, definition: Row, name: str, text: str) -> None:
    """The form of an item's page labels this very item, and its page names it."""
    criterion, annotator = definition["criterion"], f"ann {text}" if text.isprintable() else "ann"
    client.cookies.clear()
    path = f"/label?{urlencode({'criterion': criterion, 'item': name})}"
    assert page_of(await client.get(path)).has("input", name="next", value=path)
    page = page_of(await client.post("/label/name", data={"annotator": annotator, "next": path}, follow_redirects=True))
    assert annotator in page.text
    assert times(page, text) >= 5, text  # id, four texts, metadata
    values = [str(each["value"]) for tag, each in page.elements if tag == "button" and "value" in each]
    form = {**page.form("/label"), "value": values[1], "comment": text}
    revealed = page_of(await client.post("/label", data=form, follow_redirects=True))
    assert f"You gave {' '.join(named(definition['choices'][1]['label']).split())}" in revealed.words
    assert times(revealed, text) >= 6  # the explanation and the comment too
    labels = (await client.get("/v1/labels", params={"criterion": criterion, "item_id": name})).json()["labels"]
    assert [each["label"] for each in labels] == [definition["choices"][1]["label"]] * 2


async def holds_everywhere(judged: Judged, payloads: list[tuple[int, str]]) -> None:
    client = judged.client
    page_of(await client.get("/"))
    page_of(await client.get("/jobs"))
    criteria = page_of(await client.get("/label")).text
    for number, payload in payloads:
        definition, text = judge(payload), normal(payload)
        assert named(definition["criterion"]) in criteria
        shown = page_of(await client.get(f"/judges/j{number}"))
        assert text in shown.text, payload
        refused = await client.get(f"/judges/j{number}", params={"model": payload, "served": payload})
        assert refused.status_code in (400, 422)
        page_of(refused, refused.status_code)
        said = definition["choices"][1]["label"]
        cell = page_of(await client.get(f"/judges/j{number}/items", params={"human": said, "said": "fine"}))
        assert named(said) in cell.text
        name = item(number, payload)["id"]
        of_item = page_of(await client.get(f"/items/{quote(name, safe='')}"))
        assert times(of_item, text) >= 10, payload  # id, texts, label, comment, explanation, prompt
        failed = page_of(await client.get(f"/items/f{number}"))
        assert text in failed.text
        await can_be_labelled(client, definition, name, text)
        jobs = (await client.get("/v1/jobs", params={"judge": f"j{number}"})).json()["jobs"]
        of_job = page_of(await client.get(f"/jobs/{jobs[0]['id']}"))
        assert times(of_job, text) >= 2, payload
        for path in ("/jobs", "/login"):
            query = {"judge": payload, "group": payload, "cursor": payload} if path == "/jobs" else {"next": payload}
            page_of(await client.get(path, params=query))
        for path in ("items", "judges", "jobs", "docs", "docs/api", "docs/decisions", "assets"):
            page_of(await client.get(f"/{path}/{quote(payload, safe='')}"), 404)
