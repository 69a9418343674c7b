"""The kinds of panels and variables of the dashboards, in one style.

Every panel has a description that says how to read it, a unit and, if a value can be good or bad, thresholds.
"""

import json
from typing import Any, NamedTuple, TypeAlias

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
RED, ORANGE, GREEN, BLUE, GREY = "red", "orange", "green", "blue", "text"

Panel: TypeAlias = Builder[models.Panel]
Levels: TypeAlias = list[tuple[float | None, str]]  # the colour from this value on; the first has no lower end

Words: TypeAlias = dict[int, tuple[str, str]]  # the text and the colour of each value
Links: TypeAlias = list[tuple[str, str]]  # titles and addresses

PLAIN: Levels = [(None, GREY)]

_JUDGED = "http://127.0.0.1:8000"  # as compose.yaml publishes it; the variable `judged` has another address
_PAGES = "${judged}"
_ONE_JUDGE = 'judge="$judge"'  # in the queries of panels that show the chosen judge
_JUDGE_PAGE = f"{_PAGES}/judges/${{judge:percentencode}}@${{version}}?model=${{model:percentencode}}"


class Query(NamedTuple):
    """A PromQL expression and the legend of its series; `now` requests the current value only."""

    expr: str
    legend: str = ""
    now: bool = False


def chart(title: str, description: str, *queries: Query, unit: str = "short", **more: Any) -> Panel:
    """Values over time: `levels` draws thresholds, `stacked` adds series up, `band` fills from lower to upper."""
    panel = timeseries.Panel().unit(unit).line_width(2).fill_opacity(0).show_points(looks.VisibilityMode.NEVER)
    _describe(panel, title, description, queries, height=8, span=more.get("span", 8))
    panel.legend(common.VizLegendOptions().display_mode(looks.LegendDisplayMode.LIST).show_legend(True))
    panel.tooltip(common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI))
    if "least" in more:
        panel.axis_soft_min(more["least"])
    if "most" in more:
        panel.axis_soft_max(more["most"])
    if "levels" in more:
        panel.thresholds(_thresholds(more["levels"]))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(looks.GraphTresholdsStyleMode.DASHED))
    if more.get("stacked"):
        panel.fill_opacity(30).stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))
    if more.get("band"):
        panel.override_by_name("upper", [_value("custom.fillBelowTo", "lower"), *_faint()])
        panel.override_by_name("lower", _faint())
        panel.override_by_name("human ceiling", [_value("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})])
    return panel


def number(title: str, description: str, query: Query, levels: Levels = PLAIN, **more: Any) -> Panel:
    """One current value, coloured by thresholds; `words` shows values as texts with colours of their own."""
    panel = stat.Panel().unit(more.get("unit", "short")).decimals(more.get("decimals", 2))
    _describe(panel, title, description, [query._replace(now=True)], height=4, span=more.get("span", 4))
    panel.color_mode(looks.BigValueColorMode.VALUE).graph_mode(looks.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if "words" in more:
        panel.mappings([_mapping(more["words"])])
    return panel.thresholds(_thresholds(levels)).no_value("none yet")


def bars(title: str, description: str, query: Query, **more: Any) -> Panel:
    """One bar for each series, showing its current value."""
    panel = bargauge.Panel().unit(more.get("unit", "short")).min(0)
    _describe(panel, title, description, [query._replace(now=True)], height=8, span=more.get("span", 8))
    panel.orientation(looks.VizOrientation.HORIZONTAL).display_mode(looks.BarGaugeDisplayMode.BASIC)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.thresholds(_thresholds(more.get("levels", PLAIN)))


def rows(
    title: str, description: str, columns: dict[str, Query], *, by: list[str], levels: dict[str, Levels], **more: Any
) -> Panel:
    """A table of current values: a row for each value of the labels `by`, a column for each query.

    `words` shows the values of a column as texts, and `links` has the links of a column. The table is sorted by the
    column `first`, ascending.
    """
    panel = table.Panel().show_header(True).decimals(2)
    _describe(panel, title, description, (), height=more.get("height", 8), span=more.get("span", 24))
    names = {}
    for ref, (name, query) in zip("ABCDEFGHIJ", columns.items(), strict=False):
        target = prometheus.Dataquery().expr(query.expr).ref_id(ref).instant().format(PromQueryFormat.TABLE)
        panel.with_target(target.datasource(SOURCE))
        names[f"Value #{ref}"] = name
    panel.with_transformation(models.DataTransformerConfig("merge", options={}))
    order = {name: place for place, name in enumerate([*by, *names])}
    shown = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    panel.with_transformation(models.DataTransformerConfig("organize", options=shown))
    for name, each in levels.items():
        steps = [{"value": value, "color": colour} for value, colour in each]
        cell = [_value("thresholds", {"mode": "absolute", "steps": steps})]
        panel.override_by_name(name, [*cell, _value("custom.cellOptions", {"type": "color-text"})])
    for name, texts in more.get("words", {}).items():
        mapped = _value("mappings", [_mapping(texts)])
        panel.override_by_name(name, [mapped, _value("custom.cellOptions", {"type": "color-text"})])
    for name, links in more.get("links", {}).items():
        shown_links = [{"title": title, "url": url, "targetBlank": True} for title, url in links]
        panel.override_by_name(name, [_value("links", shown_links)])
    if "first" in more:
        panel.sort_by([common.TableSortByFieldState().display_name(more["first"]).desc(False)])
    return panel


def variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A choice among the values of a label, from `label_values(metric, label)`."""
    asked: dict[str, object] = {"query": query, "refId": name}
    chosen = dashboard.QueryVariable(name).label(label).datasource(SOURCE).query(asked)
    return chosen.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)


def choice(name: str, label: str, values: list[str], default: str) -> dashboard.CustomVariable:
    """A choice among fixed values."""
    options = [models.VariableOption(selected=each == default, text=each, value=each) for each in values]
    chosen = dashboard.CustomVariable(name).label(label).values(",".join(values)).options(options)
    return chosen.current(models.VariableOption(selected=True, text=default, value=default))


def new_dashboard(uid: str, title: str, description: str, *, last: str) -> dashboard.Dashboard:
    """Returns an empty dashboard with the time range `last`, its data source and the address of the pages."""
    made = dashboard.Dashboard(title).uid(uid).description(description).tags(["judged"]).readonly()
    made.time(f"now-{last}", "now").refresh("30s").timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR)
    link = dashboard.DashboardLink("judged").type(models.DashboardLinkType.DASHBOARDS).tags(["judged"])
    made.link(link.as_dropdown(False).include_vars(True).keep_time(True))
    pages = dashboard.DashboardLink("Pages of judged").type(models.DashboardLinkType.LINK).url(f"{_PAGES}/")
    made.link(pages.icon("external link").target_blank(True))
    made.with_variable(dashboard.TextBoxVariable("judged").label("Address of judged").default_value(_JUDGED))
    return made.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))


def written(made: dashboard.Dashboard) -> str:
    """Returns the dashboard's JSON in a stable order."""
    shown = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    for place, panel in enumerate(shown["panels"], start=1):
        panel["id"] = place
    return json.dumps(shown, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _describe(panel: Any, title: str, description: str, queries: Any, *, height: int, span: int) -> None:
    panel.title(title).description(description).datasource(SOURCE).height(height).span(span)
    if any(_ONE_JUDGE in query.expr for query in queries):
        panel.data_links([dashboard.DashboardLink("Open the judge's page").url(_JUDGE_PAGE).target_blank(True)])
    for ref, query in zip("ABCDEFGHIJ", queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(SOURCE)
        target = target.instant() if query.now else target.range()
        panel.with_target(target.legend_format(query.legend or "__auto"))


def _thresholds(levels: Levels) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=value, color=colour) for value, colour in levels]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _mapping(words: Words) -> models.ValueMap:
    results = {
        str(value): models.ValueMappingResult(text=text, color=colour) for value, (text, colour) in words.items()
    }
    return models.ValueMap(options=results)


def _faint() -> list[models.DynamicConfigValue]:
    return [_value("custom.lineWidth", 0), _value("custom.fillOpacity", 15)]


def _value(name: str, value: object) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)
