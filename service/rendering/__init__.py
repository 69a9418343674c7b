"""Results in forms for people and spreadsheets: Markdown, CSV and pictures. One module for each thing that is shown."""
