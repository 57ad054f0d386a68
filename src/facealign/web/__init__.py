"""The page that finds landmarks in the browser: as static files, and served on this machine."""

from facealign.web.serving import make_server
from facealign.web.site import HEADERS, media_type, site_files, write_site

__all__ = ["HEADERS", "make_server", "media_type", "site_files", "write_site"]
