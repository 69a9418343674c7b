"""How often intervals cover the truth if items have several coders: `python -m tests.benchmarks.shared_items`.

An argument is the number of samples. For each population, numbers of coders, and number of items it prints the lowest,
mean and highest coverage of 95% intervals and their mean width: of the statistics of a judge with annotators (`judge`),
of annotators with each other (`ceiling`: all ordered pairs, alphas over all annotators, and one against the mean of the
others), and of the alpha of a panel that says the same as they do. Last come shares of cells (statistic x population)
outside of limits. Proportions are included: without several coders theirs is Wilson's interval.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.agreement.coding import Coding
from service.agreement.contributions import CodedItem
from service.agreement.reports import headline_statistics, human_ceiling, panel_alpha
from service.stats.alphas import Level, alpha
from service.stats.arrays import Integers
from service.stats.ceiling import leave_one_out, pair_table
from service.stats.statistics import evaluate
from service.stats.table import Table
from tests.agreement.items import FIVE, PASS_FAIL, WORDS, counted, judged, label
from tests.benchmarks.rows import show_coverage

SIZES = (30, 100)
JUDGE = "judge@1 openai/small"
NUMBERS = ("exact", "bias", "pearson", "spearman", "kendall_tau_b", "cohen_kappa_quadratic", "gwet_ac1")
WORDS_ONLY = ("exact", "cohen_kappa", "gwet_ac1")
_TRUE_ITEMS = 200_000

Ends = tuple[float | None, float | None]
Said = Integers  # items x coders: places of values, of which the first coder is the judge


class Coders(NamedTuple):
    """The coding of a criterion, and a function that returns the values of so many items by so many coders."""

    coding: Coding
    draw: Callable[[np.random.Generator, int, int], Said]


def seen(error: float) -> Callable[[np.random.Generator, int, int], Said]:
    """Coders from 1 to 5 who see an item's quality with this error."""

    def draw(random: np.random.Generator, items: int, coders: int) -> Said:
        quality = random.standard_normal((items, 1)) + error * random.standard_normal((items, coders))
        return (np.clip(np.round(3 + quality), 1, 5) - 1).astype(np.int64)

    return draw


def right(shares: Sequence[float], known: float) -> Callable[[np.random.Generator, int, int], Said]:
    """Coders who say an item's value with the probability `known`, else anything with the values' shares."""

    def draw(random: np.random.Generator, items: int, coders: int) -> Said:
        truth, guessed = (random.choice(len(shares), (items, n), p=shares) for n in (1, coders))
        return np.where(random.random((items, coders)) < known, truth, guessed)

    return draw


CODERS = {
    "5: errors of .6": Coders(FIVE, seen(0.6)),
    "5: errors of 1.2": Coders(FIVE, seen(1.2)),
    "5: 97% equal": Coders(FIVE, right((0.1, 0.2, 0.3, 0.25, 0.15), 0.98)),
    "5: all guess, skewed": Coders(FIVE, right((0.05, 0.05, 0.1, 0.2, 0.6), 0.0)),
    "2: 90% pass": Coders(PASS_FAIL, right((0.1, 0.9), 0.8)),
    "2: even": Coders(PASS_FAIL, right((0.5, 0.5), 0.7)),
    "3 words": Coders(WORDS, right((0.5, 0.1, 0.4), 0.7)),
}


def unequal(items: int) -> Integers:
    """Two to five."""
    return 2 + np.arange(items) % 4


def one_or_twenty(items: int) -> Integers:
    """Twenty for one item of 30, which are all that have a ceiling."""
    return np.where(np.arange(items) % 30 == 0, 20, 1)


NUMBERS_OF_CODERS: dict[str, Callable[[int], Integers]] = {
    "2": lambda items: np.full(items, 2),
    "3": lambda items: np.full(items, 3),
    "5": lambda items: np.full(items, 5),
    "2 to 5": unequal,
    "1 or 20": one_or_twenty,
}


def found_ends(coders: Coders, said: Said, numbers: Integers) -> dict[str, Ends]:
    """The intervals that the service gives for these items."""
    coding, names = coders.coding, names_of(coders.coding)
    values = coding.values or ()
    rows, panels = [], []
    for row, number in zip(said.tolist(), numbers.tolist(), strict=True):
        people = {f"{who}": label(coding, values[place]) for who, place in enumerate(row[1 : number + 1])}
        rows.append(CodedItem(labels=people, scores={"c1": {JUDGE: judged(coding, values[row[0]])}}))
        models = {f"judge@1 openai/{at}": judged(coding, values[each]) for at, each in enumerate(row[1 : number + 1])}
        panels.append(CodedItem(scores={"c1": models}))
    _, statistics = headline_statistics(coding, counted(rows, "agreed", JUDGE), names)
    ends: dict[str, Ends] = {f"judge {name}": (each.lower, each.upper) for name, each in statistics.items()}
    people_found = human_ceiling(coding, counted(rows, "ceiling", ""), "random", [*names, alpha_of(coding)])
    ends |= {f"ceiling {name}": (each.lower, each.upper) for name, each in people_found.statistics.items()}
    if not coding.is_words:
        rest = people_found.leave_one_out
        ends["ceiling rest pearson"] = rest.pearson.lower, rest.pearson.upper
        ends["ceiling rest rmse"] = rest.rmse.lower, rest.rmse.upper
    panel = panel_alpha(coding, counted(panels, "panel", "judge@1"))
    ends["panel alpha"] = panel.lower, panel.upper
    return ends


def names_of(coding: Coding) -> tuple[str, ...]:
    return WORDS_ONLY if coding.is_words else NUMBERS


def alpha_of(coding: Coding) -> str:
    return "krippendorff_alpha_nominal" if coding.is_words else "krippendorff_alpha_ordinal"


def truths(coders: Coders, numbers_of: Callable[[int], Integers]) -> Mapping[str, float]:
    """The same statistics of very many items."""
    numbers = numbers_of(_TRUE_ITEMS)
    coding, values = coders.coding, tuple(coders.coding.values or ())
    said = coders.draw(np.random.default_rng(1), _TRUE_ITEMS, int(numbers.max()) + 1)
    asked = np.arange(1, said.shape[1])[None, :] <= numbers[:, None]
    pairs = np.zeros((len(values),) * 2, dtype=np.int64)
    np.add.at(pairs, (said[:, 1:][asked], np.repeat(said[:, 0], numbers)), 1)
    names = names_of(coding)
    found = {f"judge {name}": each.value for name, each in evaluate(Table.from_counts(values, pairs), names).items()}
    coincidences = {}
    for number in set(numbers[numbers > 1].tolist()):
        chosen = np.stack([(said[numbers == number, 1 : number + 1] == at).sum(axis=1) for at in range(len(values))])
        coincidences[number] = chosen @ chosen.T - np.diag(chosen.sum(axis=1))
    if coincidences:
        table = Table.from_counts(values, pair_table(coincidences, len(values)))
        found |= {f"ceiling {name}": each.value for name, each in evaluate(table, names).items()}
        level = Level.NOMINAL if coding.is_words else Level.ORDINAL
        over_all = alpha(coincidences, level, range(len(values))).value
        found |= {"panel alpha": over_all, f"ceiling {alpha_of(coding)}": over_all}
        if not coding.is_words:
            rest = leave_one_out(coincidences, range(1, 6))
            found |= {"ceiling rest pearson": rest.pearson.value, "ceiling rest rmse": rest.rmse.value}
    return {name: value for name, value in found.items() if value is not None}


class Cell(NamedTuple):
    name: str
    coverage: float
    width: float


def cells_of(coders: Coders, numbers_of: Callable[[int], Integers], items: int, samples: int) -> list[Cell]:
    true, numbers = truths(coders, numbers_of), numbers_of(items)
    covers: defaultdict[str, list[bool]] = defaultdict(list)
    widths: defaultdict[str, list[float]] = defaultdict(list)
    random = np.random.default_rng(items)
    for _ in range(samples):
        said = coders.draw(random, items, int(numbers.max()) + 1)
        for name, (lower, upper) in found_ends(coders, said, numbers).items():
            if name in true and lower is not None and upper is not None:
                covers[name].append(lower - 1e-9 <= true[name] <= upper + 1e-9)
                widths[name].append(upper - lower)
    return [
        Cell(name, float(np.mean(each)), float(np.mean(widths[name])))
        for name, each in covers.items()
        if len(each) >= samples / 3
    ]


def lines(samples: int) -> Iterator[str]:
    """The table, row by row, then the summary."""
    yield f"{'':<22}{'coders':>8}{'items':>6}  {'':<8}{'lowest':>7}{'mean':>7}{'highest':>8}{'width':>7}  lowest"
    kinds: defaultdict[tuple[str, int], list[Cell]] = defaultdict(list)
    for items in SIZES:
        for name, coders in CODERS.items():
            for number, numbers_of in NUMBERS_OF_CODERS.items():
                cells = cells_of(coders, numbers_of, items, samples)
                for kind in ("judge", "ceiling", "panel"):
                    mine = [cell for cell in cells if cell.name.startswith(kind)]
                    if mine:
                        kinds[kind, items] += mine
                        found, worst = [cell.coverage for cell in mine], min(mine, key=lambda cell: cell.coverage)
                        shown = f"{min(found):>7.3f}{np.mean(found):>7.3f}{max(found):>8.3f}"
                        width = np.mean([cell.width for cell in mine])
                        yield f"{name:<22}{number:>8}{items:>6}  {kind:<8}{shown}{width:>7.3f}  {worst.name}"
    yield f"\n{'items':>6} {'':<8}{'cells':>6}{'< .90':>7}{'< .93':>7}{'> .97':>7}{'lowest':>8}{'mean':>7}{'width':>7}"
    for (kind, items), cells in kinds.items():
        found_all = np.array([cell.coverage for cell in cells])
        parts = "".join(f"{np.mean(part):>7.3f}" for part in (found_all < 0.9, found_all < 0.93, found_all > 0.97))
        width = np.mean([cell.width for cell in cells])
        yield f"{items:>6} {kind:<8}{len(cells):>6}{parts}{found_all.min():>8.3f}{found_all.mean():>7.3f}{width:>7.3f}"


def main() -> None:
    show_coverage(lines, 200)


if __name__ == "__main__":
    main()
