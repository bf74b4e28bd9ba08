# SPDX-License-Identifier: GPL-2.0
"""The stack as it is stored: `series`, patches/<base>/<topic>/, their manifests."""
import configparser
import email
import email.policy
import functools
import hashlib
import os
import re
from pathlib import Path
from typing import List

from stacklib.host.files import read_bytes, read_text, refuse_links
from stacklib.host.term import StackError, meant
from stacklib.stack import patch as parser

PATCH_NAME = re.compile(r"^(\d{4})-[A-Za-z0-9][A-Za-z0-9._-]*\.patch$")
# What git takes in the name of a branch, and no program for an option.
TOPIC_NAME = re.compile(r"[A-Za-z0-9_](?!.*(?:\.\.|\.lock$|\.$))[A-Za-z0-9._+@-]*$")
_WORDS = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=(?:\s+=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=)*")


# What stands in a base.ini goes to git, apt and the file system.
BASE_FORMS = {"version": r"[0-9][A-Za-z0-9.-]{0,40}", "tag": r"[A-Za-z0-9][A-Za-z0-9._/-]{0,80}", "later": "yes|no",
              "tarball": r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,80}", "debian-source": r"[a-z0-9][a-z0-9.+-]{0,80}",
              "debian-binary": r"[a-z0-9][a-z0-9.+-]{0,80}",
              "kconfig": r"CONFIG_[A-Z0-9_]{1,60}=[ym](\s+CONFIG_[A-Z0-9_]{1,60}=[ym]){0,19}",
              "debian-suites": r"[a-z][a-z0-9-]*(\s+[a-z][a-z0-9-]*){0,9}"}


class Patch:
    """One patch file.

    .path .name (of the file) .topic (name) .data (bytes) .text (str) .sha256 .subject
    and .author (decoded headers, "" when absent) .parsed .files (paths that it touches,
    old and new) .number (1-based in the selection; 0 before one is made).
    """

    def __init__(self, path, topic):
        self.path = Path(path)
        self.name = self.path.name
        self.topic = topic
        self.number = 0
        self.data = read_bytes(self.path)
        self.sha256 = hashlib.sha256(self.data).hexdigest()
        self.text = self.data.decode("utf-8", parser.LATIN1)
        self.message = email.message_from_bytes(self.data, policy=email.policy.compat32)
        self.subject = re.sub(r"^(\[[^]]*\]\s*)+", "", self.header("Subject"))
        self.author = self.header("From")

    @functools.cached_property
    def parsed(self) -> parser.Parsed:
        """The patch.Parsed of the file."""
        return parser.Parsed(self.data)

    @functools.cached_property
    def files(self) -> List[str]:
        """The paths that it touches: those of its text, until a Tree says those of its commit."""
        return self.parsed.paths

    def header(self, name: str) -> str:
        """Return a header decoded and unfolded; "" when it is absent."""
        value = next((v for k, v in self.message.raw_items() if k.lower() == name.lower()), None)
        if value is None:
            return ""
        # What is not ASCII and not encoded is UTF-8, which email gives as U+FFFD, or Latin-1.
        value = str(value).encode("utf-8", "surrogateescape").decode("utf-8", parser.LATIN1)
        value = parser.decoded(value) if value.isascii() else _WORDS.sub(lambda m: parser.decoded(m.group()), value)
        return " ".join(line.strip() for line in value.split("\n")).strip()

    def __repr__(self):
        return f"<Patch {self.topic}/{self.name}>"


class Topic:
    """One folder of patches: .name .dir .patches .cover .conf .suites {name: boundary}."""

    def __init__(self, directory, names):
        self.dir = Path(directory)
        self.name = self.dir.name
        for name in (*names, "topic.ini", "0000-cover-letter.patch"):
            refuse_links(self.dir / name, self.dir.parent.parent)
        self.patches = [Patch(self.dir / n, self.name) for n in names]
        covers = sorted(self.dir.glob("0000-*.patch"))
        self.cover = covers[0] if covers else None
        self.conf = read_ini(self.dir / "topic.ini", missing_ok=True)
        self.suites = suites_of(self.conf, self.dir / "topic.ini")
        self.expected = expected_of(self.conf, self.dir / "topic.ini")

    def option(self, key: str, default: str = ""):
        """Return a key of [topic] in topic.ini, or default."""
        return self.conf.get("topic", key, fallback=default)

    def __repr__(self):
        return f"<Topic {self.name}>"


def all_arches(topic: Topic):
    """Return the architectures that a topic.ini names, for the topic and for single patches."""
    own = topic.conf["arches"].values() if topic.conf.has_section("arches") else ()
    return " ".join([topic.option("arches"), *own]).split()


class Stack:
    """The stack for one base: .base (manifest, dict) .base_name .topics .file (of series)."""

    def __init__(self, repo, base_name):
        self.repo = Path(repo)
        self.base_name = base_name
        self.base = manifest(repo, base_name)
        self.file = series_file(repo, base_name)
        grouped = {}
        for _, line in entries(self.file):
            topic, name = split_entry(self.file, line, base_name)
            grouped.setdefault(topic, []).append(name)
        folder = self.repo / "patches" / base_name
        self.topics = [Topic(folder / name, names) for name, names in grouped.items()]

    def select(self, names=None) -> list:
        """Return the topics of those names in the order of the series (all by default).

        What a topic needs (`needs` in its topic.ini) comes with it.
        """
        known = {t.name: t for t in self.topics}
        wanted, todo = set(), list(names or known)
        while todo:
            name = todo.pop()
            if name not in known:
                raise StackError(f"no topic '{name}' in {self.file}{meant(name, known)} "
                                 f"(there are: {', '.join(known) or 'none'})",
                                 "name one of those, or add the topic's patches to the series")
            if name not in wanted:
                wanted.add(name)
                todo += known[name].option("needs").split()
        return [t for t in self.topics if t.name in wanted]


def load(repo: Path, base_name=None):
    """Return the Stack of a base; without a name, of the base that the series names."""
    return Stack(repo, base_name or default_base(repo))


def default_base(repo: Path):
    """Return the base of the series' first patch, else the only one there is."""
    for _, line in entries(Path(repo) / "series"):
        if "/" in line:
            return line.split("/")[0]
    found = sorted(p.parent.name for p in Path(repo).glob("patches/*/base.ini"))
    if len(found) == 1:
        return found[0]
    raise StackError(f"the series names no base, and patches/ has {len(found)}", "name one: --base NAME" if found else
                     "write patches/NAME/base.ini (see the README, adding a base)")


def manifest(repo: Path, base_name: str):
    """Return patches/<base>/base.ini's [base] as a dict; StackError when it is not complete."""
    path = Path(repo) / "patches" / base_name / "base.ini"
    if not path.is_file():
        known = sorted(p.parent.name for p in Path(repo).glob("patches/*/base.ini"))
        raise StackError(f"no base '{base_name}'{meant(base_name, known)}: {path} is not there "
                         f"(there are: {', '.join(known) or 'none'})",
                         f"scripts/stack VERB --base {known[0] if known else 'NAME'}")
    conf = read_ini(path)
    data = dict(conf["base"]) if conf.has_section("base") else {}
    missing = [key for key in ("version", "tag") if not data.get(key)]
    if missing:
        raise StackError(f"{path}: [base] has no {', '.join(missing)}")
    for key, form in BASE_FORMS.items():
        if data.get(key) and not re.fullmatch(form, data[key]):
            raise StackError(f"{path}: [base] {key}: '{data[key]}' is not of the form {form}", f"$EDITOR {path}")
    data["name"] = base_name
    return data


def series_file(repo: Path, base_name: str):
    """Return the series file of a base: series.<base> where there is one or series is another base's, else series."""
    own, common = Path(repo) / ("series." + base_name), Path(repo) / "series"
    first = "" if own.is_file() else next((line for _, line in entries(common)), "")
    others = "/" in first and (Path(repo) / "patches" / first.split("/")[0] / "base.ini").is_file() \
        and first.split("/")[0] != base_name
    return own if own.is_file() or others else common


def entries(path: Path):
    """Yield (line number, line) of a series file less comments and blank lines."""
    if not os.path.lexists(path):
        return
    for number, line in enumerate(read_text(path).split("\n"), 1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line:
            yield number, line


def split_entry(path: Path, line, base_name: str) -> tuple:
    """Return (topic, file name) of a series line `<base>/<topic>/<file>`."""
    parts = line.split("/")
    if len(parts) != 3 or parts[0] != base_name or ".." in parts or " " in line:
        raise StackError(f"{path}: '{line}' is not of the form {base_name}/TOPIC/NNNN-name.patch", "scripts/stack lint")
    if not TOPIC_NAME.match(parts[1]):
        raise StackError(f"{path}: {parts[1]!a} is no name for a topic: branch edit/NAME could not be made",
                         "name it with letters, digits, - and _")
    return parts[1], parts[2]


def read_ini(path, missing_ok=False):
    """Return the parsed ini file; keys keep their case, no interpolation."""
    conf = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    conf.optionxform = str
    if not os.path.lexists(path):
        if not missing_ok:
            raise StackError(f"{path} is not there")
        return conf
    try:
        conf.read_string(read_text(path), str(path))
    except configparser.Error as exc:
        raise StackError(f"{path}: {str(exc).splitlines()[0]}", "correct the file; its form is in the README") from exc
    return conf


def suites_of(conf, path: Path):
    """Return [suites] of a manifest as {suite name: boundary at which it first builds}."""
    result = {}
    if conf.has_section("suites"):
        for name, value in conf.items("suites"):
            if not re.fullmatch(r"[0-9]{1,6}", value.strip()):
                raise StackError(f"{path}: suite {name}: '{value}' is not a number of patches")
            result[name] = int(value)
    return result


def expected_of(conf, path: Path) -> dict:
    """Return [expected] of a manifest as {check: pattern of the notes that are nothing new}."""
    try:
        found = conf.items("expected") if conf.has_section("expected") else ()
        return {check: re.compile(text) for check, text in found}
    except re.error as exc:
        raise StackError(f"{path}: [expected] has what is no regular expression: {exc}", f"$EDITOR {path}") from exc


def suite_configs(repo: Path):
    """Return {suite: words} of the sections [configs] of kunit/suites.ini and of all topics.

    A word is the name of a configuration of KUnit: "NAME" the suite runs in those alone, "+NAME" there as well,
    "-NAME" not there.
    """
    found = {}
    for path in [Path(repo) / "kunit" / "suites.ini", *sorted(Path(repo).glob("patches/*/*/topic.ini"))]:
        conf = read_ini(path, missing_ok=True)
        if conf.has_section("configs"):
            found.update({name: words.split() for name, words in conf.items("configs")})
    return found


def common_suites(repo: Path):
    """Return the suites that belong to no topic (kunit/suites.ini)."""
    path = Path(repo) / "kunit" / "suites.ini"
    return suites_of(read_ini(path, missing_ok=True), path)
