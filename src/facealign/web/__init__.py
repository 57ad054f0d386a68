"""The page that finds landmarks in the browser: as static files, and served on this machine."""

from facealign.web.serving import make_server as make_server
from facealign.web.site import (
    HEADERS as HEADERS,
    media_type as media_type,
    site_files as site_files,
    write_site as write_site,
)
