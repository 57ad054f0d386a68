"""Landmarks over HTTP, for every language: `facealign serve` (the extra `server`)."""

from facealign.server.app import make_app
from facealign.server.run import serve
from facealign.server.settings import ServerSettings

__all__ = ["ServerSettings", "make_app", "serve"]
