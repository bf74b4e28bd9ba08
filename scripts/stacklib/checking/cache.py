# SPDX-License-Identifier: GPL-2.0
"""Results of checks, kept by what they were made from."""
import hashlib
import json
from pathlib import Path

from stacklib.host.files import write_whole

FORMAT = 1
FIELDS = {"findings": list, "seconds": (int, float), "log": str}


def key(**parts):
    """Hash of everything that a result depends on (values: str, or lists of str)."""
    text = json.dumps(dict(parts, format=FORMAT), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def digest(paths):
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

    def path(self, name):
        return self.folder / name[:2] / (name + ".json")

    def get(self, name):
        """The result stored under a key, or None; what cannot be read counts as absent."""
        if not self.enabled:
            return None
        try:
            data = json.loads(self.path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return data if self.sound(data, name) else None

    @staticmethod
    def sound(data, name):
        """True when the entry has the right shape and says that it belongs to this key."""
        if not isinstance(data, dict) or data.get("key") != name:
            return False
        if not all(isinstance(data.get(field), kind) for field, kind in FIELDS.items()):
            return False
        return all(isinstance(f, list) and len(f) == 4 and isinstance(f[1], int)
                   and all(isinstance(f[i], str) for i in (0, 2, 3)) for f in data["findings"])

    def put(self, name, data):
        """Store a result, whole or not at all."""
        write_whole(self.path(name), json.dumps(dict(data, key=name)))
