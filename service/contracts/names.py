"""Names that people choose freely, of criteria, labels, groups, annotators and voters, and other patterns of texts."""

_LINE_ENDS = r"\n\r\v\f\x1c-\x1e\x85\u2028\u2029"

# The end is \Z, as `$` would also match before a last line end: "ann\n" would be another annotator than "ann".
ONE_LINE_PATTERN = rf"^\S([^{_LINE_ENDS}]*\S)?\Z"

SHA256_PATTERN = r"^[0-9a-f]{64}\Z"
ANSWER_KEY_PATTERN = r"[^\W_]"
EFFORT_PATTERN = r"^[a-z]{1,20}\Z"
