"""The confusion table on the page of a judge: small enough for a page, however long the scale is."""

from urllib.parse import parse_qs, urlsplit

from tests.flows.conftest import FAST, Row, Serve
from tests.pages.lived_in import MODEL
from tests.pages.reading import Page, page_of
from tests.stubs.model_server import ModelServer

LONG: Row = {"criterion": "share", "method": "rating", "instructions": "How much?", "scale": {"min": 0, "max": 1000}}


def cells_linked(page: Page) -> list[tuple[str, str]]:
    """Returns the values of people and of the judge of each cell with a link."""
    asked = [parse_qs(urlsplit(link).query) for link in page.links if "/items?" in link and "said=" in link]
    return [(query["human"][0], query["said"][0]) for query in asked]


async def test_a_long_scale_shows_the_values_that_were_given_and_many_of_them_in_classes(serve: Serve) -> None:
    def level(body: Row) -> str:
        number = int(body["messages"][-1]["content"].rpartition("number ")[2].split()[0])
        return f'{{"explanation": "", "score": {number * 30}}}'

    async with ModelServer("openai", level) as model:
        judged = await serve(retrying=FAST, openai=model)
        assert (await judged.client.put("/v1/judges/share", json={**LONG, "models": [MODEL]})).status_code == 201
        await judged.judge([{"id": f"s{number}", "output": f"number {number} "} for number in range(30)], "share")

        async def labelled(numbers: range) -> Page:
            labels = [
                {"item_id": f"s{number}", "criterion": "share", "annotator": "ann", "score": number * 30 + 1}
                for number in numbers
            ]
            assert (await judged.client.post("/v1/labels", json={"labels": labels})).status_code == 200
            return page_of(await judged.client.get("/judges/share"))

        page = await labelled(range(20))
        assert cells_linked(page) == [(str(number * 30 + 1), str(number * 30)) for number in range(20)]
        assert "Each number leads to its items" in page.words
        page = await labelled(range(20, 30))
        assert cells_linked(page) == []
        assert "shown in groups" in page.words
        assert "800 to 900" in page.words
