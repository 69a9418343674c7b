"""`POST /v1/parse`: the workers' own reader."""

import threading
from typing import Any

import httpx
import pytest

from service.contracts.judges import Method
from service.contracts.parsing import MAX_TEXTS
from service.judging.methods import METHODS
from tests.api.conftest import pointers
from tests.flows.conftest import Row


async def parsed(api: httpx.AsyncClient, method: str, *texts: str, **more: Any) -> list[Row]:
    response = await api.post("/v1/parse", json={"method": method, "texts": list(texts), **more})
    assert response.status_code == 200, response.text
    results: list[Row] = response.json()["results"]
    assert len(results) == len(texts)
    for each in results:
        assert set(each) == {"outcome", "reason", "score", "label", "parsed_from"}
        assert (each["outcome"] == "scored") == (each["reason"] is None)
        if each["outcome"] != "scored":
            assert each["score"] is each["label"] is None
    return results


async def test_ratings_are_read_in_many_notations_and_never_guessed(api: httpx.AsyncClient) -> None:
    results = await parsed(
        api,
        "rating",
        "Clear and complete.\nScore: 4",
        '{"explanation": "Fine.", "score": 2}',
        "<score>3</score>",
        "Feedback: good. [RESULT] 5",
        "Rating: [[1]]",
        "I would give it 9 out of 5.\nScore: 9",
        "No idea.",
        "",
        scale={"min": 1, "max": 5},
    )
    assert [each["score"] for each in results] == [4, 2, 3, 5, 1, None, None, None]
    families = ["line", "json", "tag", "result", "brackets", None, None, None]
    assert [each["parsed_from"] for each in results][:5] == families[:5]
    assert [each["reason"] for each in results][5:] == ["out_of_range", "no_score", "empty"]


async def test_a_scale_bounds_what_counts(api: httpx.AsyncClient) -> None:
    for scale, reason in (
        ({"min": 1, "max": 5}, "off_grid"),
        ({"min": 1, "max": 5, "step": 0.5}, None),
        ({"min": 1, "max": 5, "step": None}, None),
        ({"min": 1, "max": 2}, "out_of_range"),
    ):
        assert (await parsed(api, "rating", "Score: 3.5", scale=scale))[0]["reason"] == reason
    assert (await parsed(api, "rating", "Score: 5"))[0]["score"] == 5  # 1 to 5 unless given


async def test_pass_and_fail_are_read_as_labels(api: httpx.AsyncClient) -> None:
    results = await parsed(api, "pass_fail", "Fine.\nVerdict: pass", '{"label": "fail"}', "Perhaps.")
    assert [each["label"] for each in results] == ["pass", "fail", None]


async def test_categories_are_read_by_label_and_by_alias(api: httpx.AsyncClient) -> None:
    choices = [{"label": "full", "aliases": ["entirely supported"]}, {"label": "none"}]
    results = await parsed(
        api, "category", "Verdict: full", "Label: entirely supported", "Verdict: other", choices=choices
    )
    assert [each["label"] for each in results] == ["full", "full", None]


async def test_pairwise_reads_the_tags_in_use_and_a_prompts_own_names(api: httpx.AsyncClient) -> None:
    tags = ["[[A]]", "[[B]]", "[[C]]", "[[A>>B]]", "[[A>B]]", "[[A=B]]", "[[B>A]]", "[[B>>A]]"]
    results = await parsed(api, "pairwise", *(f"Thought about it.\n{tag}" for tag in tags))
    assert [each["label"] for each in results] == ["A", "B", "tie", "A", "A", "tie", "B", "B"]
    choices = [{"label": "A", "aliases": ["Output (a)"]}, {"label": "B", "aliases": ["Output (b)"]}, {"label": "tie"}]
    results = await parsed(api, "pairwise", "Therefore, Output (b) is better.", "Output (a)", choices=choices)
    assert [each["label"] for each in results] == ["B", "A"]


async def test_an_answer_key_names_the_answer(api: httpx.AsyncClient) -> None:
    texts = ["Usefulness: 4", '{"score": 2, "usefulness": 4}', "Score: 4"]
    assert [each["score"] for each in await parsed(api, "rating", *texts)] == [None, 2, 4]
    assert [each["score"] for each in await parsed(api, "rating", *texts, answer_key="usefulness")] == [4, 4, 4]


async def test_how_an_answer_ended_is_respected(api: httpx.AsyncClient) -> None:
    texts = ["Score: 4", "It shows that", "I can't rate this.", ""]
    reasons = ["stop", "length", "content_filter", None]
    results = await parsed(api, "rating", *texts, finish_reasons=reasons)
    assert [each["reason"] for each in results] == [None, "truncated", "refused", "empty"]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"method": "rating"}, ["/texts"]),
        ({"method": "rating", "texts": []}, ["/texts"]),
        ({"method": "rating", "texts": ["x"] * (MAX_TEXTS + 1)}, ["/texts"]),
        ({"method": "rating", "texts": ["x", 1, None]}, ["/texts/1", "/texts/2"]),
        ({"method": "guess", "texts": ["x"]}, ["/method"]),
        ({"method": "rating", "texts": ["x"], "what": 1, "scale": {"step": 0}}, ["/what", "/scale/step"]),
        ({"method": "category", "texts": ["x"], "choices": [{"label": ""}]}, ["/choices/0/label"]),
        ({"method": "rating", "texts": ["x"], "answer_key": "_ _"}, ["/answer_key"]),
        ({"method": "rating", "texts": ["x", "y"], "finish_reasons": ["stop"]}, ["/finish_reasons"]),
        ({"method": "rating", "texts": ["x"], "finish_reasons": [3]}, ["/finish_reasons/0"]),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_each_place_that_does_not_fit_is_named(api: httpx.AsyncClient, body: Row, places: list[str]) -> None:
    assert sorted(pointers(await api.post("/v1/parse", json=body))) == sorted(places)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"method": "ranking", "texts": ["x"]}, ["/choices"]),
        ({"method": "category", "texts": ["x"]}, ["/choices"]),
        ({"method": "rating", "texts": ["x"], "scale": {"min": 2, "max": 2}}, ["/scale/max"]),
        ({"method": "rating", "texts": ["x"], "scale": {"min": 0, "max": 1, "step": 0.3}}, ["/scale/step"]),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_is_understood_and_impossible_is_422(api: httpx.AsyncClient, body: Row, places: list[str]) -> None:
    assert pointers(await api.post("/v1/parse", json=body), 422, "impossible") == places


async def test_a_lone_surrogate_in_a_text_is_named(api: httpx.AsyncClient) -> None:
    raw = b'{"method": "rating", "texts": ["Score: 4", "Score: \\ud800 4"]}'
    response = await api.post("/v1/parse", content=raw, headers={"content-type": "application/json"})
    assert pointers(response) == ["/texts/1"]


async def test_rankings_are_read_with_one_choice_an_output(api: httpx.AsyncClient) -> None:
    body = {
        "method": "ranking",
        "choices": [{"label": "A"}, {"label": "B"}, {"label": "C"}],
        "texts": ["Ranking: C > A = B", '{"ranking": ["B", "A"]}'],
    }
    read, left_out = (await api.post("/v1/parse", json=body)).json()["results"]
    assert (read["outcome"], read["ranking"], read["parsed_from"]) == ("scored", [2, [0, 1]], "line")
    assert (left_out["outcome"], left_out["reason"], left_out["ranking"]) == ("unscored", "no_score", None)


async def test_long_texts_are_read_beside_the_event_loop_in_their_order(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, rating = [], type(METHODS[Method.RATING])
    known = rating.parse

    def noted(*args: Any) -> Any:
        threads.append(threading.current_thread().name.partition("_")[0])
        return known(*args)

    monkeypatch.setattr(rating, "parse", noted)
    texts = [f"{'long ' * length}\nScore: {1 + number % 5}" for number, length in enumerate((9, 90_000, 9, 9, 90_000))]
    results = await parsed(api, "rating", *texts, finish_reasons=[None, None, "length", None, None])
    assert [each["score"] for each in results] == [1, 2, None, 4, 5]
    assert threads == ["computing"] * 5
