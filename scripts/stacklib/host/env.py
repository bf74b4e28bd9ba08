# SPDX-License-Identifier: GPL-2.0
"""The environment: what its variables tell the tool, and what a program that is started gets of it.

The only module that reads os.environ. scripts/README lists the variables.
"""
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

# Two above this package: the stack's repository, which STACK_REPO may name another of.
REPO = Path(__file__).resolve().parents[3]
SCRIPTS = REPO / "scripts"


@dataclass(frozen=True)
class Settings:
    """What the variables say: .repo .out (None: out/ in repo) .cache .tree (PATH[:REF] or "") .tarball
    .base_dir (each "" when unset) .jobs (at once, from 1) .no_install (nothing is installed or made)"""

    repo: Path
    out: Optional[Path]
    cache: Path
    tree: str
    tarball: str
    base_dir: str
    jobs: int
    no_install: bool


def settings() -> Settings:
    """Return the Settings of this process as they are now."""
    get = os.environ.get
    cache = get("STACK_CACHE") or Path(get("XDG_CACHE_HOME") or "~/.cache") / "kernel-stack"
    jobs = get("JOBS") or ""
    out = get("STACK_OUT")
    return Settings(repo=Path(get("STACK_REPO") or REPO).resolve(), out=Path(out) if out else None,
                    cache=Path(cache).expanduser().absolute(), tree=get("LINUX_TREE") or "",
                    tarball=get("STACK_BASE_TARBALL") or "", base_dir=get("STACK_BASE_DIR") or "",
                    jobs=int(jobs) if re.fullmatch("[0-9]{1,5}", jobs) and int(jobs) else len(os.sched_getaffinity(0)),
                    no_install=bool(get("STACK_NO_INSTALL")))


def variable(name: str) -> str:
    """Return a variable of the environment, "" when it is not set."""
    return os.environ.get(name, "")


def child(without=(), **extra) -> dict:
    """Return the environment for a program: ours, less the variables named (those that end in _: all
    that begin so), with those of `extra`."""
    prefixes = tuple(name for name in without if name.endswith("_"))
    env = {key: value for key, value in os.environ.items()
           if key not in without and not (prefixes and key.startswith(prefixes))}
    env.update({key: str(value) for key, value in extra.items()})
    return env


def set_tmpdir(folder: Optional[str]) -> Optional[str]:
    """Have programs put temporary files into folder (None: where they would); return what was set before."""
    before = os.environ.pop("TMPDIR", None)
    if folder is not None:
        os.environ["TMPDIR"] = folder
    return before


def for_tests(tree: Path) -> None:
    """Tell the tool's own tests where a kernel tree is, unless the caller did."""
    os.environ.setdefault("STACK_TEST_TREE", str(tree))
