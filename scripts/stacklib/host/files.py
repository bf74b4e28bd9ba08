# SPDX-License-Identifier: GPL-2.0
"""Files that are written whole or not at all."""
import os
from pathlib import Path
from typing import Union


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
