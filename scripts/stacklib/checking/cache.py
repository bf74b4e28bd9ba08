# SPDX-License-Identifier: GPL-2.0
"""Results of checks, kept by what they were made from."""
import hashlib
import json
from pathlib import Path

from stacklib.checking import shape
from stacklib.host.files import read_json, write_whole
from stacklib.host.term import StackError

FORMAT = 1
SHAPE = {"key": str, "findings": [list], "seconds": float, "log": str}
FINDING = [str, int, str, str]


def key(**parts) -> str:
    """Hash of everything that a result depends on (values: str, or lists of str)."""
    text = json.dumps(dict(parts, format=FORMAT), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def digest(paths) -> str:
    """Hash over names and contents of files; folders count with all that is in them."""
    total = hashlib.sha256()
    for path in sorted(expand(paths)):
        total.update((f"{path.name} {path.stat().st_size}\n").encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def expand(paths):
    """The files that are meant by some files and folders; OSError when one is missing."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        else:
            path.stat()
            yield path


class Cache:
    """Results below a folder; `enabled` False means that nothing is read (but still written)."""

    def __init__(self, folder, enabled=True):
        self.folder, self.enabled = Path(folder), enabled

    def path(self, name: str):
        return self.folder / name[:2] / (name + ".json")

    def get(self, name: str):
        """The result stored under a key, or None; what cannot be read counts as absent."""
        if not self.enabled:
            return None
        try:
            data = read_json(self.path(name))
        except StackError:
            return None
        return data if self.sound(data, name) else None

    @staticmethod
    def sound(data, name: str) -> bool:
        """True when the entry has the right shape and says that it belongs to this key."""
        return not shape.fault(data, SHAPE) and data["key"] == name and all(
            len(found) == len(FINDING) and not any(map(shape.fault, found, FINDING)) for found in data["findings"])

    def put(self, name: str, data) -> None:
        """Store a result, whole or not at all."""
        write_whole(self.path(name), json.dumps(dict(data, key=name)))
