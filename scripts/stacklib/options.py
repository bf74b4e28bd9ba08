# SPDX-License-Identifier: GPL-2.0
"""The options of each verb, frozen: cli.py makes one of these from the command line, and nothing below
it sees an argparse Namespace."""
from dataclasses import dataclass, fields
from typing import Optional, Tuple


@dataclass(frozen=True)
class Common:
    """What every verb has: .verb .topics .base (name, None: that of the series) .out (folder, None: out/)
    .tree (PATH[:REF], None: LINUX_TREE or another way to the base) .level (of what is told, see term.set_level)
    .json (the result as JSON on standard output, all else on standard error)"""

    verb: str = "a run"
    topics: Tuple[str, ...] = ()
    base: Optional[str] = None
    out: Optional[str] = None
    tree: Optional[str] = None
    level: int = 0
    json: bool = False

    @classmethod
    def of(cls, values):
        """Make one of a Namespace, or of the options of another verb; lists become tuples."""
        own = {f.name: getattr(values, f.name) for f in fields(cls) if hasattr(values, f.name)}
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in own.items()})


@dataclass(frozen=True)
class Setup(Common):
    """Verb setup."""

    list: bool = False


@dataclass(frozen=True)
class Apply(Common):
    """Verb apply."""

    no_dropin: bool = False


@dataclass(frozen=True)
class Check(Common):
    """Verb check: .only (names of checks) .shard ("I/N") .merge (paths of reports) .until (time.monotonic() after
    which nothing more is begun; 0: none) .last (of the boundaries only the last)"""

    only: Tuple[str, ...] = ()
    fit: bool = False
    kunit: bool = False
    shard: Optional[str] = None
    merge: Tuple[str, ...] = ()
    list: bool = False
    no_cache: bool = False
    profile: bool = False
    until: float = 0
    last: bool = False


@dataclass(frozen=True)
class Kunit(Common):
    """Verb kunit: .built (suites that the kernel has, none: those that build and pass there) .extra (path of a diff)
    .full (False: stress with the smaller counts of the topics' quick-args) .until (as that of check)"""

    config: Tuple[str, ...] = ()
    suite: Tuple[str, ...] = ()
    built: Tuple[str, ...] = ()
    isolated: bool = False
    boundary: Optional[int] = None
    extra: Optional[str] = None
    coverage: bool = False
    jobs: int = 0
    full: bool = True
    repeat: int = 1
    shuffle: Optional[int] = None
    load: bool = False
    until: float = 0


@dataclass(frozen=True)
class Prove(Common):
    """Verb prove: .config (names, none: all of the stored, plain for the made) .budget (minutes, 0: no limit)"""

    stored: bool = False
    made: bool = False
    before: bool = False
    seed: int = 0
    only: Optional[str] = None
    config: Tuple[str, ...] = ()
    budget: int = 0
    no_cache: bool = False
    jobs: int = 0


@dataclass(frozen=True)
class Edit(Common):
    """Verb edit."""

    restart: bool = False


@dataclass(frozen=True)
class Port(Common):
    """Verb port: .base is that of the topics, .to (name) the one that they are carried to."""

    to: str = ""
    dry_run: bool = False


@dataclass(frozen=True)
class Refresh(Common):
    """Verb refresh."""

    check: bool = False
    drop_notes: bool = False


@dataclass(frozen=True)
class Lint(Common):
    """Verb lint."""


@dataclass(frozen=True)
class Export(Common):
    """Verb export: .version (None: what the cover letter says) .suites (None: with .all only) .output (folder, "-")"""

    all: bool = False
    signoff: bool = False
    rfc: bool = False
    version: Optional[int] = None
    suites: Optional[bool] = None
    output: Optional[str] = None


@dataclass(frozen=True)
class Diff(Common):
    """Verb diff: .old and .new (commits, new None: the files) .compare_posting (path of a mailbox)"""

    old: Optional[str] = None
    new: Optional[str] = None
    compare_posting: Optional[str] = None


@dataclass(frozen=True)
class B4(Common):
    """Verb b4."""

    suites: bool = False
    signoff: bool = False
    version: Optional[int] = None
    config: bool = False


@dataclass(frozen=True)
class MailCheck(Common):
    """Verb mail-check."""

    format: str = "lines"


@dataclass(frozen=True)
class Test(Common):
    """Verb test: .only (a word in the names of the tool's own tests) .minutes (see --help)"""

    quick: bool = False
    all: bool = False
    jobs: int = 0
    only: Optional[str] = None
    minutes: int = 0


VERBS = {"setup": Setup, "apply": Apply, "check": Check, "kunit": Kunit, "prove": Prove, "edit": Edit,
         "refresh": Refresh, "port": Port, "lint": Lint, "export": Export, "diff": Diff, "b4": B4,
         "mail-check": MailCheck, "test": Test}
