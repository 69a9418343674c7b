"""How results look outside JSON: text for people and spreadsheets, and pictures."""
