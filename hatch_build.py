"""What a release's metadata say beyond pyproject.toml: links, and a README whose links work there.

The sources name no host. Where they are published is said when the release is built:

    PROJECT_URL=https://example.org/facealign make dist

Then the metadata have links, and the README's relative links and pictures lead to the release's tag
in that repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r'(?P<before>\]\(|src=")(?!https?:|#)(?P<path>[^)"#]+)')
PICTURES = (".jpg", ".png", ".svg", ".webp")


class CustomMetadataHook(MetadataHookInterface):
    """`urls` and `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add both; without PROJECT_URL there are no links, and the README stays as it is."""
        home = os.environ.get("PROJECT_URL", "").rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        if home:
            tag = f"v{metadata['version']}"
            metadata["urls"] = urls(home, tag)
            text = absolute(text, home, tag)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def urls(home: str, tag: str) -> dict[str, str]:
    """The links that package indexes show."""
    return {
        "Documentation": f"{home}/blob/{tag}/docs/index.md",
        "Source": home,
        "Changelog": f"{home}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }


def absolute(text: str, home: str, tag: str) -> str:
    """Markdown with its relative links and pictures at a tag of the repository at `home`."""

    def there(found: re.Match[str]) -> str:
        place = "raw" if found["path"].endswith(PICTURES) else "blob"
        return f"{found['before']}{home}/{place}/{tag}/{found['path']}"

    return RELATIVE.sub(there, text)
