"""Files on disk: written whole or not at all, locked, hashed. The only place that does so.

Every output goes through `whole_file` or `write_file`, which write under a temporary name in the
same folder and then rename. So a full disk, a kill or Ctrl-C leaves an existing file as it was. A
system error becomes a facealign error that names the file.

What may be replaced, wherever it lies: a picture or video only if facealign wrote it, which its
comment says (`MARK`); any other file if the user named it as an output. An input of the same
command never is (`cli.options.output_path`). Devices, pipes and what a symbolic link leads to are
written through.
"""

from facealign.files.locks import lock
from facealign.files.names import distinct_names, numbered
from facealign.files.reading import (
    BAD_CONTENT,
    COPY,
    brief,
    digest,
    is_file,
    is_folder,
    kind_of,
    missing,
    packaged,
    parse_json,
    parsing,
    read_json_file,
    read_toml,
    reading,
    reason,
    sha256,
    to_utf8,
)
from facealign.files.writing import (
    MARK,
    PART,
    beside,
    check_folder,
    check_place,
    is_stream,
    make_folder,
    part_of,
    refuse_foreign,
    sweep,
    whole_file,
    write_file,
    writing,
)

__all__ = [
    "BAD_CONTENT",
    "COPY",
    "MARK",
    "PART",
    "beside",
    "brief",
    "check_folder",
    "check_place",
    "digest",
    "distinct_names",
    "is_file",
    "is_folder",
    "is_stream",
    "kind_of",
    "lock",
    "make_folder",
    "missing",
    "numbered",
    "packaged",
    "parse_json",
    "parsing",
    "part_of",
    "read_json_file",
    "read_toml",
    "reading",
    "reason",
    "refuse_foreign",
    "sha256",
    "sweep",
    "to_utf8",
    "whole_file",
    "write_file",
    "writing",
]
