"""The values that people and judges give."""

Value = str | int | float
FAIL, PASS = "fail", "pass"
