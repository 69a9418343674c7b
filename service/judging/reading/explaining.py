"""What remains of a text answer as its explanation."""

from service.judging.reading.verdicts import Hit

_CUT_MARK = "\ue000"  # a private character, taken out of the text first
_LEFT_OVER = " \t-–—:.,;*_`)]\"'"


def rest_of(text: str, hits: list[Hit]) -> str | None:
    """`text` without the places of the hits, and without what only announced them; None if nothing remains."""
    pieces: list[str] = []
    start = 0
    for hit in sorted((hit for hit in hits if hit.cut), key=lambda hit: hit.start):
        if hit.end > start:
            between = text[start : max(start, hit.start)]
            if not pieces or "\n" in between:  # what stands between two hits on one line is cut with them
                pieces.append(between.replace(_CUT_MARK, ""))
            start = hit.end
    pieces.append(text[start:].replace(_CUT_MARK, ""))
    lines = [_without_cut(line) for line in _CUT_MARK.join(pieces).split("\n")]
    rest = "\n".join(line for line in lines if line is not None).strip()
    return rest or None


def _without_cut(line: str) -> str | None:
    """The line as it was; where a verdict was cut out of it, what else it says, or None if it says nothing."""
    before, cut, after = line.partition(_CUT_MARK)
    if not cut:
        return line
    after = after.replace(_CUT_MARK, "")
    announces = before.rstrip(_LEFT_OVER) == "" or before.rstrip(" \t*_`\"'").endswith((":", "is"))
    kept = after.strip(_LEFT_OVER) and after.lstrip(_LEFT_OVER) if announces else before + after
    return kept if any(each.isalnum() for each in kept) else None
