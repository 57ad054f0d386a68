"""Files on disk: written whole or not at all, locked, hashed. The only place that does so.

Every output goes through `whole_file` or `write_file`, which write under a temporary name in the
same folder and then rename. So a full disk, a kill or Ctrl-C leaves an existing file as it was. A
system error becomes a facealign error that names the file.

What may be replaced, wherever it lies: a picture or video only if facealign wrote it, which its
comment says (`MARK`); any other file if the user named it as an output. An input of the same
command never is (`cli.options.output_path`). Devices, pipes and what a symbolic link leads to are
written through.
"""

from facealign.files.names import distinct_names as distinct_names, numbered as numbered
from facealign.files.reading import (
    BAD_CONTENT as BAD_CONTENT,
    COPY as COPY,
    brief as brief,
    digest as digest,
    is_file as is_file,
    is_folder as is_folder,
    kind_of as kind_of,
    missing as missing,
    packaged as packaged,
    parse_json as parse_json,
    parsing as parsing,
    present as present,
    read_json_file as read_json_file,
    read_toml as read_toml,
    reading as reading,
    reason as reason,
    sha256 as sha256,
    to_utf8 as to_utf8,
)
from facealign.files.writing import (
    MARK as MARK,
    PART as PART,
    beside as beside,
    check_folder as check_folder,
    check_place as check_place,
    is_stream as is_stream,
    lock as lock,
    make_folder as make_folder,
    part_of as part_of,
    refuse_foreign as refuse_foreign,
    sweep as sweep,
    whole_file as whole_file,
    write_file as write_file,
    write_json as write_json,
    writing as writing,
)
