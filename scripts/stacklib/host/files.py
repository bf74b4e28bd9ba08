# SPDX-License-Identifier: GPL-2.0
"""Files that are written whole or not at all, and files of others, which are read with care."""
import json
import os
import stat
from pathlib import Path
from typing import Any, Union

from stacklib.host.term import StackError

# The most that is read of any one file, mail or report, in bytes.
LIMIT = 64 << 20


def write_whole(path: Union[str, Path], data: Union[str, bytes]) -> None:
    """Give path the content data (str: as UTF-8), its folder made when needed; nobody ever sees half of it.

    A file that holds data already is left as it is. OSError, with the path, when it cannot be written.
    """
    path = Path(path)
    data = data.encode("utf-8", "replace") if isinstance(data, str) else data
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        if path.is_file() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(data)
        os.replace(fresh, path)
    except OSError as exc:
        fresh.unlink(missing_ok=True)
        raise OSError(exc.errno, exc.strerror, str(path)) from exc


def read_bytes(path: Union[str, Path]) -> bytes:
    """Return what is in a file; StackError that names it when it cannot be read, is none, or is over LIMIT."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                raise StackError(f"{path}: not a regular file")
            data = handle.read(LIMIT + 1)
    except (OSError, ValueError) as exc:
        raise StackError(f"{path}: cannot be read: {getattr(exc, 'strerror', None) or exc}",
                         f"ls -l {path}") from exc
    if len(data) > LIMIT:
        raise StackError(f"{path}: larger than {LIMIT >> 20} MiB, which is the most that is read of a file")
    return data


def read_text(path: Union[str, Path]) -> str:
    """Return what is in a file as read_bytes() does, as UTF-8 with lines that end in LF; StackError with the line."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise StackError(f"{path}:{line}: not UTF-8 (byte 0x{data[exc.start]:02x})",
                         f"iconv -f ISO-8859-1 -t UTF-8 {path} (or from what it is)") from exc


def read_json(path: Union[str, Path]) -> Any:
    """Return what is in a file of JSON; StackError with the place when it is none."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise StackError(f"{path}: not JSON: {str(exc)[:200]}") from exc


def refuse_links(path: Path, top: Path) -> None:
    """Raise StackError when path, or a folder between it and top (a parent of it), is a symbolic link.

    Its target may be a file of whoever runs the tool, which would then be applied, and mailed.
    """
    for part in (path, *path.parents):
        if part == top:
            return
        if os.path.islink(part):
            raise StackError(f"{part}: a symbolic link, which is not followed (to {os.readlink(part)})",
                             f"put the file itself there: cp --remove-destination \"$(realpath {part})\" {part}")
