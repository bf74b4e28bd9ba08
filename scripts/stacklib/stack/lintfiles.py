# SPDX-License-Identifier: GPL-2.0
"""Lint of what stands around the patches: manifests, .b4-config, hooks, suites, scripts."""
import os
import re

from stacklib.host import env, gitcmd
from stacklib.host.files import read_text
from stacklib.host.term import StackError
from stacklib.stack import arches, dropin, dropseries, series, suiteconfig
from stacklib.stack.lintpatch import Finding, check_letter

BASE_KEYS = {"version", "tag", "tarball", "sha256", "git", "debian-source", "debian-version",
             "debian-binary", "debian-suites", "urls", "later", "kconfig", "topics"}
# sections whose keys are names
FREE = ("suites", "configs", "arches", "before", "bench", "pairs", "expected", "upstream")
TOPIC_KEYS = {"title", "arches", "header-users", "kconfig", "needs", "quick-args"}

# The keys that b4 takes from a .b4-config (it ignores every other without a word),
# as of b4 0.14, the version that setup brings.
B4_KEYS = re.compile(r"^(prep-.*check-cmd|prep-pre-flight-checks|send-.*|.*mask|.*template.*|trailer.*|pw-.*)$")

# Paths of somebody's machine. /home/user and the like are fine as examples.
_MACHINE = re.compile(r"(?:^|[^A-Za-z0-9_.~$}])/(?:work|root|farm|home/(?!user\b)[a-z][\w-]*)/")
_NOT_BUILT = ("tools/", "Documentation/", "scripts/")
_SPDX = (".c", ".h", ".py", ".sh", ".cocci", ".ini", ".S")


def check_topic(topic: series.Topic, repo):
    """Return the findings in a topic.ini."""
    path = topic.dir / "topic.ini"
    edit = f"$EDITOR {path.relative_to(repo)}"
    if not path.is_file():
        return [Finding(path, 0, f"topic {topic.name} has no topic.ini", edit)]
    found = unknown_keys(path, topic.conf, {"topic": TOPIC_KEYS}, edit, FREE)

    def add(said: str, word: str = "") -> None:
        found.append(Finding(path, line_of(path, word) if word else 0, said, edit))
    for key in ("title", "arches"):
        if not topic.option(key):
            add(f"[topic] has no {key}")
    # As the checks build and sparse have it: what is included is compiled with its users only.
    included = [(patch, name) for patch in topic.patches for name in patch.files if not name.startswith(_NOT_BUILT) and
                (name.endswith(".h") or name.endswith(".S") and "/include/" in name)]
    if included and not topic.option("header-users"):
        patch, name = included[0]
        add(f"[topic] has no header-users, and {patch.name} changes {name}: nothing is compiled with it")
    for section, number, value in [(s, *item) for s in ("arches", "upstream") if topic.conf.has_section(s)
                                   for item in topic.conf.items(s)]:
        if number not in [patch.name[:4] for patch in topic.patches]:
            add(f"[{section}] names patch {number}, which the topic has not", number)
        if section == "upstream" and not re.fullmatch("[0-9a-f]{12,40}", value):
            add(f"[upstream] {number}: '{value}' is not a commit id of 12 to 40 digits", number)
    for wrong in filter(None, map(arches.unknown, series.all_arches(topic))):
        add(wrong)
    for suite, need in topic.suites.items():
        if need > len(topic.patches):
            add(f"suite {suite} needs {need} patches, the topic has {len(topic.patches)}", suite)
    return found


def unknown_keys(path, conf, sections, mend, free=()) -> list:
    """Return a finding for every section and key that nothing reads."""
    odd = [section for section in conf.sections() if section not in (*sections, *free)]
    found = [Finding(path, line_of(path, f"[{section}]"), f"unknown section [{section}]", mend) for section in odd]
    for section, known in sections.items():
        found += [Finding(path, line_of(path, key), f"unknown key '{key}' in [{section}] (known: "
                          f"{' '.join(sorted(known))})", mend)
                  for key in (conf[section] if section in conf else ()) if key not in known]
    return found


def line_of(path, word: str):
    """Return the number of the first line that begins with word, or 0."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.strip().startswith(word)), 0)


def check_bases(repo) -> list:
    """Return the findings in every base.ini."""
    found = []
    for path in sorted(repo.glob("patches/*/base.ini")):
        edit = f"$EDITOR {path.relative_to(repo)}"
        try:
            data = series.manifest(repo, path.parent.name)
        except StackError as exc:
            found.append(Finding(path, 0, exc.msg, edit))
            continue
        found += unknown_keys(path, series.read_ini(path), {"base": BASE_KEYS}, edit)
        if data.get("sha256") and not re.fullmatch(r"[0-9a-f]{64}", data["sha256"]):
            found.append(Finding(path, line_of(path, "sha256"), "sha256 is not 64 hex digits", edit))
        for topic in data.get("topics", "").split():
            if not (path.parent / topic).is_dir():
                found.append(Finding(path, line_of(path, "topics"), f"topic {topic} has no folder", edit))
    return found


def check_b4(repo):
    """Return the findings in .b4-config: keys that b4 would ignore."""
    path, found, section = repo / ".b4-config", [], None
    for number, line in enumerate(read_text(path).splitlines() if path.is_file() else (), 1):
        head = re.match(r"\s*\[(.*)\]", line)
        section = head.group(1).strip() if head else section
        key = re.match(r"\s*([A-Za-z][\w.-]*)\s*=", line)
        if key and (section != "b4" or not B4_KEYS.match(key.group(1).lower())):
            found.append(Finding(path, number, f"b4 ignores '{key.group(1)}' in a project's file",
                                 f"$EDITOR +{number} .b4-config; set it for yourself: "
                                 f"git config b4.{key.group(1)} VALUE"))
        program = re.match(r"\s*\S+-check-cmd\s*=\s*\./(\S+)", line)
        if program and not (repo / program.group(1)).is_file():
            found.append(Finding(path, number, f"{program.group(1)} is not in this repository",
                                 f"$EDITOR +{number} .b4-config"))
    return found


def check_hooks(repo) -> list:
    """Return the findings in kunit/hooks: form, and that what a line names is in the drop-in."""
    path = repo / "kunit" / "hooks"
    try:
        lines = dropin.hooks(repo)
    except StackError as exc:
        number = re.search(r":(\d+): ", exc.msg)
        return [Finding(path, int(number.group(1)) if number else 0, exc.msg.split(": ", 1)[-1], exc.mend)]
    found, edit = [], "$EDITOR kunit/hooks"
    for number, name, _, line in lines:
        if name.startswith("/") or ".." in name.split("/"):
            found.append(Finding(path, number, f"{name} is not a path in the kernel", edit))
        hooked = dropin.hooked_file(name, line)
        if not (repo / "kunit" / hooked).is_file():
            found.append(Finding(path, number, f"kunit/{hooked} is not there", edit))
    return found


def check_commits(repo) -> list:
    """Return the findings in kunit/commits: form, topics, and that each file is in one of them."""
    folder = repo / "kunit" / "commits"
    if not folder.is_dir():
        return []
    try:
        commits = dropseries.load(repo)
    except StackError as exc:
        return [Finding(folder, 0, exc.msg, exc.mend)]
    found = [Finding(repo / "kunit" / name, 0, "belongs to no patch of kunit/commits",
                     "add it to Files: of one of kunit/commits/*") for name in dropseries.orphans(repo, commits)]
    topics = {p.parent.name for p in repo.glob("patches/*/*/topic.ini")}
    cover, fabric = folder / "0000-cover-letter.patch", [c.subject for c in commits if not c.topic]
    if cover.is_file():
        found += check_letter(cover, fabric, repo)
    elif fabric:
        found.append(Finding(cover, 0, "the patches without Topic have no cover letter",
                             f"git checkout -- {cover.relative_to(repo)}, or write it"))
    for commit in commits:
        edit = f"$EDITOR {commit.path.relative_to(repo)}"
        if commit.topic and commit.topic not in topics:
            found.append(Finding(commit.path, 1, f"there is no topic '{commit.topic}'", edit))
        if not commit.files:
            found.append(Finding(commit.path, 0, "no file of the drop-in is in it", edit))
        for line in commit.log.splitlines():
            if len(line) > 75 and " " in line.strip():
                found.append(Finding(commit.path, 0, f"a line of the log is longer than 75: {line[:40]}", edit))
    return found


def check_suites(repo):
    """Return the findings between the suites that manifests name and the files in kunit/."""
    named = {}
    for path in [repo / "kunit" / "suites.ini", *sorted(repo.glob("patches/*/*/topic.ini"))]:
        try:
            conf = series.read_ini(path, missing_ok=True)
            named.update({s: path for s in series.suites_of(conf, path)})
        except StackError as exc:
            return [Finding(path, 0, exc.msg, f"$EDITOR {path.relative_to(repo)}")]
    configs = {path.stem for path in (env.SCRIPTS / "kunit").glob("*.config")}
    found = []
    for suite, words in series.suite_configs(repo).items():
        path = named.get(suite, repo / "kunit" / "suites.ini")
        text = f"[configs] names suite {suite}, which no [suites] has" if suite not in named else ""
        unknown = [word for word in words if word.lstrip("+-") not in configs]
        text = text or unknown and f"[configs]: no configuration {unknown[0]} (there are: {' '.join(sorted(configs))})"
        if text:
            found.append(Finding(path, line_of(path, suite), text, f"$EDITOR {path.relative_to(repo)}"))
    return found + check_symbols(repo, named)


def check_symbols(repo, named):
    """Return the findings between named suites ({suite: manifest}), their sources, Kconfig and .kunitconfig."""
    found, symbols = [], suiteconfig.read(repo)
    there = {path.name for path in (repo / "kunit").rglob("*_kunit.c")}
    apart = {suite for suite, words in series.suite_configs(repo).items() if any(w[0] not in "+-" for w in words)}
    for suite, path in named.items():
        name, mend = suiteconfig.symbol(suite), f"write it, or take the suite out of {path.relative_to(repo)}"
        if suite + "_kunit.c" not in there:
            text = f"suite {suite} has no {suite}_kunit.c below kunit/"
            found.append(Finding(path, line_of(path, suite), text, mend))
        if name not in symbols:
            text = f"suite {suite} has no symbol {name} in a Kconfig below kunit/"
            found.append(Finding(path, line_of(path, suite), text, mend))
            continue
        config = (repo / "kunit" / symbols[name][0]).parent / ".kunitconfig"
        if suite not in apart and f"CONFIG_{name}=y\n" not in (read_text(config) if config.is_file() else ""):
            found.append(Finding(config, 0, f"has no line CONFIG_{name}=y: kunit.py does not run suite {suite} by hand",
                                 f"echo CONFIG_{name}=y >> {config.relative_to(repo)}"))
    page = repo / "kunit/Documentation/PCI/kunit.rst"
    rows = read_text(page).splitlines() if page.is_file() else [f"   * - {suite}" for suite in named]
    found += [Finding(page, 0, f"the table has no row for suite {suite}", f"$EDITOR {page.relative_to(repo)}")
              for suite in named if f"   * - {suite}" not in rows]
    suites = {suiteconfig.symbol(suite) for suite in named}
    for name, (kconfig, _) in symbols.items():
        if name.endswith("_KUNIT_TEST") and name not in suites:
            path, text = repo / "kunit" / kconfig, f"no manifest names the suite of {name}: it never runs"
            found.append(Finding(path, line_of(path, "config " + name), text, "add it to [suites] of its topic.ini"))
    return found


def check_checks(repo) -> list:
    """Return the findings in scripts/checks: every check is executable and has its head."""
    found = []
    for path in sorted((repo / "scripts" / "checks").glob("*")):
        if not path.is_file() or path.name.startswith((".", "README")):
            continue
        name = path.relative_to(repo)
        head = path.read_text(encoding="utf-8", errors="replace")[:4000]
        if not os.access(path, os.X_OK):
            found.append(Finding(path, 0, "is not executable", f"chmod +x {name}"))
        if not head.startswith("#!"):
            found.append(Finding(path, 1, "has no #! line", f"$EDITOR {name}"))
        if not re.search(r"^# kind: (patch|tree|boundary)$", head, re.M):
            found.append(Finding(path, 0, "no '# kind: patch|tree|boundary' in its head",
                                 f"$EDITOR {name} (see scripts/checks/README)"))
    return found


def check_texts(repo) -> list:
    """Return the findings in all files: paths of a machine, no SPDX line."""
    status, listed, said = gitcmd.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=repo)
    if status:
        raise StackError(f"{repo}: git cannot list its files, so that none was looked at: {said.strip()[:300]}",
                         f"clone the repository, or make one of what is here: git init {repo}")
    names = [os.fsdecode(n) for n in listed.split(b"\0") if n]
    found = []
    for name in sorted(set(names)):
        path = repo / name
        if not path.is_file() or path.is_symlink():
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        for number, line in enumerate(lines, 1):
            if _MACHINE.search(line):
                found.append(Finding(path, number, f"a path of some machine: {line.strip()[:60]}", f"$EDITOR {name}"))
        code = path.suffix in _SPDX or lines[0].startswith("#!")
        if code and "SPDX-License-Identifier" not in "\n".join(lines[:3]):
            found.append(Finding(path, 1, "no SPDX-License-Identifier in its first lines", f"$EDITOR {name}"))
    return found
