"""Rankings in the letters by which outputs are shown to people."""

from collections.abc import Sequence

from service.judging.questions import letter


def ranking_words(ranking: Sequence[int | Sequence[int]]) -> str:
    """Returns a ranking of outputs, numbered from 0 and the best first, as `B > A = C`."""
    return " > ".join(" = ".join(map(letter, [place] if isinstance(place, int) else place)) for place in ranking)
