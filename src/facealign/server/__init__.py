"""Landmarks over HTTP, for every language: `facealign serve` (the extra `server`)."""

from facealign.server.app import make_app as make_app, serve as serve
from facealign.server.settings import ServerSettings as ServerSettings
