"""`/v1/datasets`: whole or not at all, from NDJSON, JSON and CSV, with each bad place named."""

import csv
import io
import json
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.contracts.datasets import DatasetItem
from service.store import datasets, keys
from tests.api.conftest import OpenApi, is_untouched, pointers, problem_of
from tests.flows.conftest import Row

NDJSON = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv"}
ROWS: list[Row] = [
    {"id": "a", "input": "q", "output": "one", "human": {"wit": [4, 5, None], "tone": ["pass"]}},
    {"output": 'two, "quoted"\nand on', "metadata": {"app": "x"}, "human": {"wit": [2.5, None, 1]}},
]


def lines(rows: list[Row]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


def table(header: list[str], *rows: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([header, *rows])
    return text.getvalue().encode()


async def put(api: httpx.AsyncClient, content: bytes, headers: dict[str, str] = NDJSON, name: str = "d") -> Any:
    return await api.put(f"/v1/datasets/{name}", content=content, headers=headers)


async def stored(redis: Redis, name: str = "d") -> list[DatasetItem]:
    return [item async for items in datasets.read_dataset(redis, name) for item in items]


async def test_columns_of_people_that_are_counted_from_1_are_as_many_people(api: httpx.AsyncClient) -> None:
    content = b"id,output,human.wit.1,human.wit.2\na,x,4,5\nb,y,,2\n"
    assert (await put(api, content, {"content-type": "text/csv"})).json()["annotators"] == 2


async def test_a_dataset_is_stored_described_listed_and_removed(api: httpx.AsyncClient, redis: Redis) -> None:
    response = await put(api, lines(ROWS))
    assert response.status_code == 201
    assert response.headers["location"] == "/v1/datasets/d"
    described = response.json()
    assert {**described, "created_at": ""} == {
        "name": "d",
        "items": 2,
        "criteria": ["tone", "wit"],
        "annotators": 3,
        "created_at": "",
    }
    assert (await api.get("/v1/datasets/d")).json() == described
    assert (await api.get("/v1/datasets")).json() == {"datasets": [described], "next_cursor": None}
    assert [item.human for item in await stored(redis)] == [row["human"] for row in ROWS]
    assert (await api.delete("/v1/datasets/d")).status_code == 204
    problem_of(await api.delete("/v1/datasets/d"), 404, "not-found")
    problem_of(await api.get("/v1/datasets/d"), 404, "not-found")
    assert (await api.get("/v1/datasets")).json()["datasets"] == []


async def test_json_and_csv_say_the_same_as_lines(api: httpx.AsyncClient, redis: Redis) -> None:
    await put(api, lines(ROWS), name="lines")
    response = await api.put("/v1/datasets/json", json={"items": ROWS})
    assert response.status_code == 201
    header = ["human.wit.0", "human.wit.1", "human.wit.2", "human.tone.0", "id", "input", "output", "metadata.app"]
    content = table(
        header, ["4", "5", "", "pass", "a", "q", "one", ""], ["2.5", "", "1", "", "", "", ROWS[1]["output"], "x"]
    )
    assert (await put(api, b"\xef\xbb\xbf" + content, CSV, "csv")).status_code == 201
    as_lines, as_json, as_csv = [await stored(redis, name) for name in ("lines", "json", "csv")]
    assert as_lines == as_json
    assert [item.human["wit"] for item in as_csv] == [item.human["wit"] for item in as_lines]
    assert [(each.id, each.input, each.output, each.metadata) for each in as_csv] == [
        (each.id, each.input, each.output, each.metadata) for each in as_lines
    ]
    assert as_csv[0].human["tone"] == ["pass"]


async def test_pairs_come_as_two_columns_or_as_a_list(api: httpx.AsyncClient, redis: Redis) -> None:
    by_column = table(["outputs.0", "outputs.1", "human.p.0"], ["x", "y", "A"], ["", "z", "tie"])
    as_list = table(["outputs", "human.p.0"], ['["x", "y"]', "A"], ['["", "z"]', "tie"])
    for content in (by_column, as_list):
        assert (await put(api, content, CSV)).status_code in (200, 201)
        assert [(item.outputs, item.human) for item in await stored(redis)] == [
            (["x", "y"], {"p": ["A"]}),
            (["", "z"], {"p": ["tie"]}),
        ]


async def test_a_name_is_replaced_whole(api: httpx.AsyncClient, redis: Redis) -> None:
    await put(api, lines(ROWS))
    reading = datasets.read_dataset(redis, "d")
    response = await put(api, lines([{"output": "z", "human": {"new": [1]}}]))
    assert (response.status_code, response.json()["criteria"], response.json()["items"]) == (200, ["new"], 1)
    assert [item.output for item in await stored(redis)] == ["z"]
    assert len(await anext(reading)) == 1  # who begins to read now reads the new one
    before = [key async for key in redis.scan_iter(f"{keys.PREFIX}dataset_items:*")]
    assert sorted([await redis.ttl(key) > 0 for key in before]) == [False, True]


async def test_a_refused_upload_leaves_what_was_there(api: httpx.AsyncClient, redis: Redis) -> None:
    await put(api, lines(ROWS))
    many = [{"output": str(number), "human": {"wit": [1]}} for number in range(1500)]
    response = await put(api, lines([*many, {"output": 5, "human": {}}]))
    assert pointers(response) == ["/items/1500/output"]
    assert len(await stored(redis)) == 2
    assert len([key async for key in redis.scan_iter(f"{keys.PREFIX}dataset_items:*")]) == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"output": "x"}], ["/items/0/human"]),
        ([{"output": "x", "human": {"wit": 4}}], ["/items/0/human/wit"]),
        ([{"output": "x", "human": {"wit": [True]}}], ["/items/0/human/wit/0"]),
        ([{"output": "x", "human": {"wit": [1e300]}}], ["/items/0/human/wit/0"]),
        ([{"output": "x", "human": {"wit": [1], "": [1]}}], ["/items/0/human"]),
        ([{"output": "x", "human": {"wit": [1, "pass"]}}], ["/items/0/human/wit/1"]),
        (
            [ROWS[0], {"output": "x", "human": {"wit": ["good"], "tone": [3]}}],
            ["/items/1/human/wit/0", "/items/1/human/tone/0"],
        ),
        ([ROWS[0], ROWS[0]], ["/items/1/id"]),
        ([{"output": "x", "human": {"wit": [1]}, "surprise": 1}], ["/items/0/surprise"]),
        ([{"output": "x", "human": {"wit": [None]}}], ["/items"]),
        ([{"output": "x", "human": {"wit": [1]}, "metadata": {"n": 2**70}}], ["/items/0/metadata/n"]),
    ],
)
async def test_each_bad_place_is_named(
    api: httpx.AsyncClient, redis: Redis, rows: list[Row], expected: list[str]
) -> None:
    assert pointers(await put(api, lines(rows))) == expected
    assert await is_untouched(redis)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ["/items"]),
        (b"\n\n", ["/items"]),
        (b"{", ["/items/0"]),
        (b'\n{"output": "x", "human": {"w": [1]}}\n[]', ["/items/2"]),
        (b'{"output": "\xff", "human": {"w": [1]}}', ["/items/0/output"]),
    ],
)
async def test_lines_that_are_no_items_are_named(api: httpx.AsyncClient, content: bytes, expected: list[str]) -> None:
    assert pointers(await put(api, content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ["/items"]),
        (b"output,human.w.0\r\n", ["/items"]),
        (b"output,score\nx,1\n", ["/columns/1"]),
        (b"output,output,human.w.0\nx,y,1\n", ["/columns/1"]),
        (b"output,human.w\nx,1\n", ["/columns/1"]),
        (b"output,human.w.x,outputs.99,metadata.\nx,1,,\n", ["/columns/1", "/columns/2", "/columns/3"]),
        (b"outputs,outputs.0,human.w.0\n[],x,1\n", ["/columns/0"]),
        (b"output,human.w.0\nx,1\ny\nz,2,3\n", ["/items/1", "/items/2"]),
        (b'output,human.w.0\n"x\ny,1\nz,1\n', ["/items/0"]),
        (b'output,human.w.0\n"x"y,1\nz,1\n', ["/items/0"]),
        (b"output,human.w.0\n\xff,1\n", ["/items/0"]),
        (b"outputs,human.w.0\nx,1\n[1],1\n", ["/items/0/outputs", "/items/1/outputs/0"]),
        (b"output,human.w.0\nx,1\ny,good\n", ["/items/1/human/w/0"]),
        (b"id,output,human.w.0\na,x,1\na,y,2\n", ["/items/1/id"]),
    ],
)
async def test_bad_places_of_a_csv_are_named(
    api: httpx.AsyncClient, redis: Redis, content: bytes, expected: list[str]
) -> None:
    assert pointers(await put(api, content, CSV)) == expected
    assert await is_untouched(redis)


async def test_a_bad_record_is_told_by_its_line_too(api: httpx.AsyncClient) -> None:
    problem = problem_of(await put(api, b'output,human.w.0\n"a\nb",1\nc\n', CSV), 400, "invalid-request")
    assert problem["errors"] == [{"pointer": "/items/1", "detail": "line 4: has 1 cell, but the header has 2"}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"output,human.w.0\nx,n/a\ny,1\n,\nz,2\n",
         [("/items/0/human/w/0", "line 2: 'n/a' is a label, but this criterion has numbers"
           " (leave the value out if it is missing)")]),
        (b'output,human.w.0\nx,good\n"y\nz",2\nu,bad\n',
         [("/items/1/human/w/0", "line 3: 2 is a number, but this criterion has labels")]),
        (b"id,output,human.w.0\n1,x,1\n2,y,2\n1,z,3\n", [("/items/2/id", "line 4: another item has the same id")]),
    ],
)  # fmt: skip
async def test_one_line_unlike_the_others_is_refused_with_its_number(
    api: httpx.AsyncClient, redis: Redis, content: bytes, expected: list[tuple[str, str]]
) -> None:
    problem = problem_of(await put(api, content, CSV), 400, "invalid-request")
    assert [(each["pointer"], each["detail"]) for each in problem["errors"]] == expected
    assert await is_untouched(redis)


async def test_an_empty_output_is_what_a_system_may_answer(api: httpx.AsyncClient, redis: Redis) -> None:
    assert (await put(api, b"input,output,human.w.0\nq,,1\nr,y,2\n,,\n", CSV)).status_code == 201
    assert [item.output for item in await stored(redis)] == ["", "y"]


async def test_json_lines_may_begin_with_a_mark_end_with_cr_and_have_numbers_as_ids(
    api: httpx.AsyncClient, redis: Redis
) -> None:
    lines = ['{"id": 481, "output": "x", "human": {"w": [1]}}', '{"id": "b", "output": "", "human": {"w": [2]}}']
    for content in ("\ufeff" + "\r\n".join(lines), "\r".join(lines), "\n\n".join(lines)):
        assert (await put(api, content.encode(), NDJSON)).status_code in (200, 201)
        assert [item.id for item in await stored(redis)] == ["481", "b"]
    problem = problem_of(await put(api, "\r".join([*lines, "{bad"]).encode(), NDJSON), 400, "invalid-request")
    assert problem["errors"][0]["pointer"] == "/items/2"


async def test_items_may_all_be_without_an_output(api: httpx.AsyncClient, redis: Redis) -> None:
    assert (await put(api, b"input,human.w.0\nq,1\nr,2\n", CSV)).status_code == 201
    assert [item.input for item in await stored(redis)] == ["q", "r"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
async def test_a_csv_is_read_as_spreadsheets_write_it(
    api: httpx.AsyncClient, redis: Redis, end: bytes, delimiter: bytes
) -> None:
    lines = [[b" id", b"output ", b"human.w.0", b""], [b"1", b'"x, y; z"', b"4", b""], [b"", b" ", b"", b""]]
    lines.append([b"2", b'"two""s\nline"', b"4.5", b""])
    content = b"\xef\xbb\xbf" + end.join(delimiter.join(line) for line in lines) + end
    response = await put(api, content, CSV)
    assert response.status_code == 201, response.text
    assert [(each.id, each.output, each.human) for each in await stored(redis)] == [
        ("1", "x, y; z", {"w": [4]}),
        ("2", 'two"s\nline', {"w": [4.5]}),
    ]


async def test_limits_hold(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(server={"max_items": 2, "max_body_bytes": 200})
    three = [{"output": "x", "human": {"w": [1]}}] * 3
    problem_of(await put(api, lines(three)), 413, "too-large")
    problem_of(await put(api, lines([{"output": "x" * 300, "human": {"w": [1]}}])), 413, "too-large")
    problem_of(await put(api, table(["output", "human.w.0"], ["x\n" * 150, "1"]), CSV), 413, "too-large")
    problem_of(await put(api, b"[]", {"Content-Type": "text/plain"}), 415, "unsupported-media-type")
    assert await is_untouched(redis)


async def test_names_are_those_of_judges(api: httpx.AsyncClient) -> None:
    assert (await put(api, lines(ROWS), name="no%20spaces")).status_code == 400


async def test_pages_go_by_name(api: httpx.AsyncClient) -> None:
    for name in ("b", "c", "a"):
        await put(api, lines(ROWS), name=name)
    first = (await api.get("/v1/datasets", params={"limit": 2})).json()
    rest = (await api.get("/v1/datasets", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [each["name"] for each in first["datasets"] + rest["datasets"]] == ["a", "b", "c"]
    assert rest["next_cursor"] is None
