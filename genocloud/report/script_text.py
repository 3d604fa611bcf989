"""JSON as text that may stand inside of a script element."""


def escaped(text: str) -> str:
    """JSON that ends no script element, and begins no comment there."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
