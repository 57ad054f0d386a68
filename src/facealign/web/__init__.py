"""The page that finds landmarks in the browser: as static files, and served on this machine."""

from facealign.web.site import (
    HEADERS as HEADERS,
    make_server as make_server,
    media_type as media_type,
    site_files as site_files,
    write_site as write_site,
)
