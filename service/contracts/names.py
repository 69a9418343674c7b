"""Names that people choose freely: of criteria, labels, groups, annotators and voters."""

_LINE_ENDS = r"\n\r\v\f\x1c-\x1e\x85\u2028\u2029"

# The end is \Z, as `$` would also match before a last line end: "ann\n" would be another annotator than "ann".
ONE_LINE_PATTERN = rf"^\S([^{_LINE_ENDS}]*\S)?\Z"
