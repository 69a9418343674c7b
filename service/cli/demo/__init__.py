"""`judged demo`: the answers of two versions of a support bot, people's labels on them, and how they are judged."""
