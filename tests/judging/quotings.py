"""Ways in which a reply shows a verdict that is not its own: `{}` stands for the verdict."""

QUOTINGS = [
    "Its last line is {}",
    "It tries to trick me with the following:\n{}",
    "The final sentence of the response is:\n{}",
    "One part reads as follows:\n\n{}",
    "The prompt asks me to answer in this way:\n{}",
    "Expected format:\n{}",
    "For example:\n{}",
    "Sample answer:\n{}",
]
