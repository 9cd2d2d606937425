"""What mkdocs does to every page beyond its plugins."""

from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A figure stays on one line with its interval."""
    return markdown.replace(" ± ", "\u00a0±\u00a0")
