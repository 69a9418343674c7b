"""The recipes of CONTRIBUTING, executed: each adds one file and at most one row to a copy of the source, and uses it.

A recipe that needs a change anywhere else fails here.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
# Compiled code is copied, too, with its times, since to compile all again takes seconds; not what is being written.
_UNFINISHED = shutil.ignore_patterns("*.pyc.*")


class SourceCopy:
    """A copy of `service` and `worker`, to which a recipe is applied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: list[str] = []
        self.rows: list[str] = []
        for package in ("service", "worker"):
            shutil.copytree(ROOT / package, folder / package, ignore=_UNFINISHED)
        shutil.copy(ROOT / "pyproject.toml", folder)  # which has the version

    def add_file(self, path: str, text: str) -> None:
        """Adds a file. Fails if there is one."""
        with (self._folder / path).open("x") as file:
            file.write(dedent(text))
        self.files.append(path)

    def add_row(self, path: str, after: str, row: str) -> None:
        """Adds one line below the first one that begins with `after`, as far in as that line or its block."""
        lines = (self._folder / path).read_text().splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.lstrip().startswith(after))
        lines.insert(place + 1, f"    {row}\n")
        (self._folder / path).write_text("".join(lines))
        self.rows.append(path)

    def add_function(self, path: str, before: str, text: str) -> None:
        """Adds a function or a method above the first line that begins with `before`."""
        source = (self._folder / path).read_text()
        place = source.index(f"\n{before}") + 1
        (self._folder / path).write_text(source[:place] + text + source[place:])

    def run(self, script: str, **environ: str) -> Any:
        """Runs a script on the copy. Returns what it prints, which is JSON."""
        environment = {"PYTHONPATH": str(self._folder), "PATH": os.environ["PATH"], **environ}
        command = [sys.executable, "-c", dedent(script)]
        done = subprocess.run(command, cwd=self._folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def source(tmp_path: Path) -> SourceCopy:
    return SourceCopy(tmp_path)


ASK_THE_API = """
import asyncio, json
import httpx
from service.app import create_app
from service.config.settings import load_settings

def api(method, path, body=None):
    # No store runs: these endpoints need none.
    app = create_app(load_settings(None, {"JUDGED_REDIS_URL": "redis://127.0.0.1:9/0"}))
    async def asked():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.request(method, path, json=body)).json()
    return asyncio.run(asked())
"""


def test_a_provider_is_one_file_and_one_row(source: SourceCopy) -> None:
    source.add_file(
        "worker/providers/parrot.py",
        '''
        """Parrot's API: one text in, one text out."""

        import msgspec

        from worker.providers.base import Completion, ModelRequest
        from worker.providers.capabilities import Learnt
        from worker.providers.registry import wire_format
        from worker.providers.remote import TEXT


        @wire_format("parrot")
        class ParrotFormat:
            """See `WireFormat`."""

            modes = (TEXT,)
            effort_path = ()

            def headers(self, api_key: str | None) -> dict[str, str]:
                return {"x-parrot-key": api_key or ""}

            def path(self, model: str) -> str:
                return f"/birds/{model}"

            def encode(self, request: ModelRequest, mode: str, learnt: Learnt) -> bytes:
                return msgspec.json.encode({"hear": request.messages[-1].content})

            def decode(self, body: bytes, mode: str) -> Completion:
                said = msgspec.json.decode(body)
                return Completion(
                    text=said["say"], source="text", finish_reason="stop", input_tokens=1000, output_tokens=2000
                )
        ''',
    )
    source.add_row(
        "service/config/kinds.py",
        "KINDS: dict",
        '"parrot": ProviderKind(base_url="https://parrot.example", key_variable="PARROT_KEY",'
        ' price_id="parrot", default_model="parrot/grey"),',
    )
    found = source.run("""
        import asyncio, json, threading
        from http.server import BaseHTTPRequestHandler, HTTPServer
        from pathlib import Path

        from service.config.settings import SettingsError, load_settings
        from service.config.toml_text import example_file, settings_in_force
        from service.contracts.items import Item
        from service.contracts.judges import Judge, Parameters
        from service.costs import Prices
        from service.judging.methods import METHODS
        from service.launch.discovery import discover
        from worker.providers import build_provider
        from worker.providers.base import ModelRequest
        from worker.providers.capabilities import Capabilities

        class Server(BaseHTTPRequestHandler):
            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                heard = [self.path, self.headers["x-parrot-key"], asked["hear"][:9]]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"say": f"{heard} Score: 4"}).encode())
            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Path("judged.toml").write_text(
            f'[providers.parrot]\\nbase_url = "http://127.0.0.1:{server.server_port}"\\napi_key_env = "PARROT_KEY"\\n'
            '[prices."parrot/grey"]\\ninput = 1\\noutput = 2\\n'
        )
        settings = load_settings(None, {"PARROT_KEY": "k"})
        judge = Judge(criterion="wit", method="rating", instructions="Is it?")
        item = Item(output="x")

        async def ask():
            provider = build_provider("parrot", settings.providers["parrot"], Capabilities())
            question = METHODS[judge.method].question(judge, item, "d")
            request = ModelRequest(model="grey", messages=question.messages, schema=question.schema,
                                   parameters=Parameters(), judge=judge, item=item)
            answer = await provider.complete(request)
            await provider.aclose()
            return answer

        answer = asyncio.run(ask())
        Path("judged.toml").write_text('[providers.x]\\nkind = "budgie"')
        try:
            load_settings(None, {})
        except SettingsError as error:
            problem = str(error)
        print(json.dumps({
            "answer": answer.text,
            "cost": Prices(settings).cost_usd("parrot/grey", answer.input_tokens, answer.output_tokens),
            "unpriced": Prices(settings).unknown(["parrot/grey", "parrot/blue"]),
            "default": discover((), {"PARROT_KEY": "k"}).models,
            "in force": "[providers.parrot]" in list(settings_in_force(settings)),
            "example": "parrot" in example_file(),
            "problem": problem,
        }))
    """)
    assert source.files == ["worker/providers/parrot.py"]
    assert source.rows == ["service/config/kinds.py"]
    assert found == {
        "answer": "['/birds/grey', 'k', 'Criterion'] Score: 4",
        "cost": 0.005,
        "unpriced": "cost unknown: no price for parrot/blue",
        "default": ["parrot/grey"],
        "in force": True,
        "example": True,
        "problem": "providers.x.kind: expected one of parrot, openai, anthropic, gemini, control",
    }


def test_a_method_is_one_file_and_one_row(source: SourceCopy) -> None:
    source.add_file(
        "service/judging/methods/stars.py",
        '''
        """Method `stars`: one to three stars, written as such."""

        from collections.abc import Sequence
        from typing import Any

        from service.contracts.criteria import CriterionScale
        from service.contracts.items import Item
        from service.contracts.judges import Judge, Method
        from service.contracts.judgments import Vote
        from service.contracts.outcomes import Reason
        from service.contracts.parsing import ParseRequest
        from service.judging.combining import CombinedVerdict, combine_scores
        from service.judging.methods.base import JudgingMethod, TextMark, PlacedProblem, judging_method
        from service.judging.questions import answer_schema
        from service.judging.reading import Reading, Score, Source


        @judging_method(Method.STARS)
        class StarsMethod(JudgingMethod):
            """See `JudgingMethod`."""

            def definition_problems(self, judge: Judge) -> list[PlacedProblem]:
                return [("/scale", "stars have no scale")] if judge.scale is not None else []

            def criterion_scale(self, judge: Judge) -> CriterionScale:
                return CriterionScale(kind="numbers", min=1, max=3, step=1)

            def levels(self, judge: Judge) -> str:
                return "One to three stars."

            def form(self, judge: Judge, item: Item) -> str:
                return "Answer with stars."

            def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
                return answer_schema(stars={"type": "string"})

            def read(
                self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source
            ) -> Reading:
                return _read(text)

            def parse(self, asked: ParseRequest, text: str, finish_reason: str | None) -> Reading:
                return _read(text)

            def combine(self, judge: Judge, votes: Sequence[Vote]) -> CombinedVerdict:
                return combine_scores(judge.panel, votes)

            def baseline(self, judge: Judge, marks: Sequence[TextMark]) -> dict[str, Any]:
                return {"stars": "*" * (1 + round(2 * marks[0].share))}


        def _read(text: str) -> Reading:
            stars = text.count("*")
            if not 1 <= stars <= 3:
                return Reading(value=Reason.NO_SCORE)
            return Reading(value=Score(stars))
        ''',
    )
    source.add_row("service/contracts/judges.py", "class Method", 'STARS = "stars"')
    found = source.run(
        ASK_THE_API
        + dedent("""
        import msgspec
        from datetime import UTC, datetime
        from service.agreement.evidence import evidence_of
        from service.agreement.coding import Coding
        from service.contracts.items import Item
        from service.contracts.judges import Judge, JudgeRef, ResolvedJudge
        from service.contracts.judgments import Judgment, Usage, Vote
        from service.judging.ballots import ballots
        from service.judging.combining import total_usage
        from service.judging.methods import METHODS, judge_problems
        from worker.providers import build_provider
        from worker.providers.base import ModelRequest
        from worker.providers.capabilities import Capabilities

        judge = msgspec.json.decode(b'{"criterion": "wit", "method": "stars", "instructions": "?"}', type=Judge)
        resolved = ResolvedJudge(ref=JudgeRef(name="j", version=1, digest="d"), definition=judge,
                                 models=["control/length"])
        method, item = METHODS[judge.method], Item(id="i", output="a few words " * 9)
        question = method.question(judge, item, "d")

        class Config:
            kind, base_url, api_key = "control", "", None
        async def ask():
            provider = build_provider("control", Config(), Capabilities())
            return await provider.complete(ModelRequest(
                model="length", messages=question.messages, schema=question.schema,
                parameters=judge.parameters, judge=judge, item=item))
        answer = asyncio.run(ask())
        reading = method.read(judge, item, answer.text, finish_reason=None, source="schema")
        [ballot] = ballots(resolved)
        vote = Vote(**ballot._asdict(), outcome=reading.outcome, reason=None, score=reading.score, label=None,
                    explanation=None, parsed_from=None, score_from="answer", raw_text=answer.text, finish_reason=None,
                    error=None, asks=1, attempts=1, latency_seconds=0, input_tokens=0, output_tokens=0, cost_usd=0)
        verdict = method.combine(judge, [vote])
        at = datetime.now(UTC)
        fields = msgspec.structs.asdict(verdict)
        judgment = Judgment(id="1", job_id="j", item_id="i", item_changed=False, judge=resolved.ref, criterion="wit",
                            votes=[vote], usage=total_usage([vote]), cached=False, created_at=at, finished_at=at,
                            **fields)
        evidence = evidence_of(resolved, judgment, item)
        coding = Coding(method.criterion_scale(judge))
        parsed = api("POST", "/v1/parse", {"method": "stars", "texts": ["**", "none"]})["results"]
        schema = api("GET", "/schema/openapi.json")
        print(json.dumps({
            "problems": judge_problems(msgspec.structs.replace(judge, scale=msgspec.UNSET)),
            "prompt": "Answer with stars." in question.messages[-1].content,
            "score": verdict.score,
            "counted": [each[1].key for each in evidence.values],
            "values": coding.values,
            "label": coding.by_person(2, None).key,
            "parsed": [each["score"] for each in parsed],
            "described": "stars" in json.dumps(schema),
        }))
        """)
    )
    assert source.files == ["service/judging/methods/stars.py"]
    assert source.rows == ["service/contracts/judges.py"]
    assert found == {
        "problems": [["/scale", "stars have no scale"]],
        "prompt": True,
        "score": 2,
        "counted": ["2"],
        "values": [1, 2, 3],
        "label": "2",
        "parsed": [2, None],
        "described": True,
    }


def test_a_statistic_is_one_function_and_one_row(source: SourceCopy) -> None:
    source.add_function(
        "service/stats/statistics.py",
        "STATISTICS: dict",
        dedent('''
        def differing_share(t: Tallies) -> Floats:
            """Returns the share of pairs whose two values differ."""
            return t.differing / t.pairs


        '''),
    )
    source.add_row(
        "service/stats/statistics.py",
        "STATISTICS: dict",
        '"differing_share": Statistic(differing_share, Domain.ANY, trials=lambda t: t.pairs),',
    )
    found = source.run(
        ASK_THE_API
        + """
answer = api("POST", "/v1/statistics", {"values": [1, 2, 3], "pairs": [[1, 1], [2, 3], [3, 3], [1, 2]]})
print(json.dumps(answer["statistics"]["differing_share"]))
"""
    )
    assert source.rows == ["service/stats/statistics.py"]
    assert found["value"] == 0.5
    assert found["lower"] <= 0.5 <= found["upper"]


def test_a_setting_is_one_field(source: SourceCopy) -> None:
    source.add_row(
        "service/config/sections.py",
        '"""`[arena]`"""',
        'shown_models: Annotated[Count, about("models that a page of the arena shows")] = 12',
    )
    found = source.run("""
        import json
        from service.config.settings import SettingsError, load_settings
        from service.config.toml_text import example_file, settings_in_force

        settings = load_settings(None, {"JUDGED_ARENA_SHOWN_MODELS": "7"})
        try:
            load_settings(None, {"JUDGED_ARENA_SHOWN_MODELS": "0"})
        except SettingsError as error:
            problem = str(error)
        print(json.dumps({
            "value": settings.arena.shown_models,
            "in force": "shown_models = 7" in list(settings_in_force(settings)),
            "example": [line for line in example_file().splitlines() if line.startswith("shown_models")],
            "problem": problem,
        }))
    """)
    assert source.files == []
    assert source.rows == ["service/config/sections.py"]
    assert found == {
        "value": 7,
        "in force": True,
        "example": [
            "shown_models = 12                 # JUDGED_ARENA_SHOWN_MODELS: models that a page of the arena shows"
        ],
        "problem": "JUDGED_ARENA_SHOWN_MODELS: must be 1 or more",
    }


def test_a_section_of_settings_is_one_struct_and_one_row(source: SourceCopy) -> None:
    source.add_function(
        "service/config/sections.py",
        "class Sections(",
        dedent('''
        class ParkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
            """`[park]`"""

            ducks: Annotated[Count, about("ducks in the park")] = 3


        '''),
    )
    source.add_row("service/config/sections.py", "log: LogSettings = ", "park: ParkSettings = ParkSettings()")
    found = source.run("""
        import json
        from service.config.settings import load_settings
        from service.config.toml_text import settings_in_force

        print(json.dumps(list(settings_in_force(load_settings(None, {"JUDGED_PARK_DUCKS": "4"})))))
    """)
    assert "[park]" in found
    assert "ducks = 4" in found


def test_a_gauge_is_one_entry(source: SourceCopy) -> None:
    source.add_row(
        "service/gauges/catalogue.py",
        "JUDGE_GAUGES: GaugeTable",
        '"pairs_squared": _judge("Pairs, squared", lambda each: each.pairs**2),',
    )
    found = source.run("""
        import json
        from service.gauges.catalogue import AGREEMENT_GAUGES, JUDGE_GAUGES, gauge_values
        from service.gauges.computing import BiasFigures, DriftFigures, JudgeFigures, MeanFigures

        figures = JudgeFigures(7, {}, MeanFigures(), BiasFigures(), DriftFigures())
        entry = AGREEMENT_GAUGES["pairs_squared"]
        print(json.dumps({"help": entry.help, "labels": entry.labels,
                          "value": gauge_values(JUDGE_GAUGES, figures)["pairs_squared"]}))
    """)
    assert (source.files, source.rows) == ([], ["service/gauges/catalogue.py"])
    labels = ["judge", "version", "criterion", "model", "window"]
    assert found == {"help": "Pairs, squared", "labels": labels, "value": 49}


def test_a_built_in_judge_is_one_file(source: SourceCopy) -> None:
    source.add_file(
        "service/judges/brevity.toml",
        """
        criterion = "brevity"
        method = "rating"
        instructions = "Is the output as short as it can be?"
        """,
    )
    found = source.run("""
        import json
        from service.judges import built_in
        from service.judging.methods import judge_problems

        print(json.dumps({name: judge_problems(judge) for name, judge in built_in().items() if name == "brevity"}))
    """)
    assert source.files == ["service/judges/brevity.toml"]
    assert source.rows == []
    assert found == {"brevity": []}


def test_an_endpoint_is_one_method_of_a_controller(source: SourceCopy) -> None:
    source.add_function(
        "service/api/judges.py",
        '    @get(\n        operation_id="listJudges"',
        '''    @get("/{name:str}/motto", opt=needs("read"))
    async def motto(self, name: FromPath[str]) -> dict[str, str]:
        """The motto of a judge."""
        return {name: "be fair"}

''',
    )
    found = source.run(
        ASK_THE_API
        + """
described = api("GET", "/schema/openapi.json")["paths"]["/v1/judges/{name}/motto"]["get"]
print(json.dumps([api("GET", "/v1/judges/wit/motto"), described["description"]]))
"""
    )
    assert found == [{"wit": "be fair"}, "The motto of a judge."]
