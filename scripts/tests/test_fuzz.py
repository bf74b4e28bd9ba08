# SPDX-License-Identifier: GPL-2.0
"""Whatever comes from outside ends in a result or in a StackError: 20,000 spoilt inputs of every form.

Each input is a seed of its form, changed by a generator that its number seeds, so that a finding can be had
again: FUZZ_ONLY=FORM:NUMBER. FUZZ_INPUTS is how many there are; stack test --all has ten times as many.
What is wrong: any other exception, a message that does not name the file, a process, a file written outside
the work folder, more than SECONDS of processor time or MEMORY more than at the start.
"""
import contextlib
import copy
import io
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import traceback
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack, write  # noqa: E402

from stacklib.checking import cache, carry, report, shard  # noqa: E402
from stacklib.host import env, term, workspace  # noqa: E402
from stacklib.linux import applying  # noqa: E402
from stacklib.mail import letters, posting, recipients  # noqa: E402
from stacklib.stack import canonical, dropin, dropseries, lintfiles, lintpatch, maintainers, series, suiteconfig  # noqa: E402
from stacklib.suites import coverage, ktap, splats  # noqa: E402
from stacklib.verbs import check, lint  # noqa: E402

INPUTS = int(os.environ.get("FUZZ_INPUTS") or 20000)
SECONDS, MEMORY = 2.0, 512 << 20
HERE = Path(__file__).resolve().parent
# What has a meaning in one form or the other, or is no text at all.
TOKENS = [t.encode("utf-8", "surrogatepass") for t in (
    "\0", "\x1b[2J", "\r\n", "\r", "\n\n", "\t", "²", "٣", "\ud800", "\ufeff", "\u2028", "-1", "0", "4" * 5000,
    "999999999999", "[PATCH 1/999999999]", "[PATCH v99999999999999999999 2/1]", "=?nosuch?q?=ff?=", "=?utf-8?b?!?=",
    "=?utf-8?q?=", "../../etc/passwd", "/etc/passwd", ".git/hooks/x", "$(touch x)", "`x`", ";", "%(x)s", "%", "{", "}",
    "[", "]", "null", "true", "1e999", "NaN", '"', "'", "\\", "---", "\n---\n", "diff --git a/x b/x\n", "--- a/x\n",
    "+++ b/x\n", "@@ -1,99999999 +1,99999999 @@\n", "GIT binary patch\n", "rename from \n", "From ", "Subject:",
    "Date: x\n", "[suites]\n", "[topic]\n", "[base]\n", "=", ":", "#", "KTAP version 1\n", "1..99999999\n", "not ok 1 x\n",
    " " * 300, "x" * 20000, "(" * 200, "a+" * 50, "config X\n")] + [b"\xff\xfe", b"\x80", b"\xc3", b"\xed\xa0\x80"]
VALUES = [None, True, -1, 0, 1e308, 10**9, 10**30, "", "\ud800", "x" * 9999, [], {}, [[]], [1, 10**9], {"name": []}, "²"]


def mutate(rng, seeds):
    """Return one of the seeds (bytes), changed in some places."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at, end = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
        what = rng.randrange(10)
        if what == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif what in (1, 2):
            data[at:at] = rng.choice(TOKENS)
        elif what == 3:
            data[at:min(end, at + 40)] = rng.choice(TOKENS)
        elif what == 4:
            del data[at:min(end, at + rng.choice((1, 10, 400)))]
        elif what == 5:
            lines = data.split(b"\n")
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            data = bytearray(b"\n".join(lines))
        elif what in (8, 9):
            words = list(re.finditer(rb"[\w.+-]+", data[:20000]))
            if words:
                word = rng.choice(words)
                data[word.start():word.end()] = rng.choice(TOKENS)
        elif what == 6:
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other) + 1):]
        else:
            lines = data.split(b"\n")
            rng.shuffle(lines)
            data = bytearray(b"\n".join(lines))
    return bytes(data)


def mutate_json(rng, seeds):
    """Return one of the seeds (JSON as bytes) with other values in some places, or with other bytes."""
    if rng.random() < 0.2:
        return mutate(rng, seeds)
    top = [json.loads(rng.choice(seeds))]
    for _ in range(rng.choice((1, 1, 2, 4))):
        node, key = top, 0
        while isinstance(node[key], (dict, list)) and node[key] and rng.random() < 0.85:
            node = node[key]
            key = rng.choice(sorted(node)) if isinstance(node, dict) else rng.randrange(len(node))
        if isinstance(node, dict) and rng.random() < 0.3:
            del node[key]
        else:
            node[key] = copy.deepcopy(rng.choice(VALUES))
        if not isinstance(top[0], (dict, list)):
            break
    return json.dumps(top[0]).encode()


class Form:
    """One form of input: .seeds (bytes) .read(path, data) does with it what the tool does. .path is the file."""

    def __init__(self, name, path, seeds, read, change=mutate):
        self.name, self.path, self.seeds, self.read, self.change = name, path, seeds, read, change


def forms(mini):
    """Return every Form, on the files of a mini stack."""
    repo = mini.repo
    ws = workspace.Workspace(repo=repo)
    ws.out = mini.out

    def lint_all(*_):
        stack = series.load(repo)
        for topic in stack.topics:
            for patch in topic.patches:
                lintpatch.check_patch(patch, repo)
            lintpatch.check_cover(topic, repo)
            lintfiles.check_topic(topic, repo)
        lint.check_series(repo)

    def patch(path, _):
        one = series.Patch(path, "alpha")
        lintpatch.check_patch(one, repo)
        canonical.notes_of(one.text)
        canonical.with_notes(one.data, "a note")
        recipients.listed(one, "Cc")
        return [one.subject, one.author, repr(one.files)]

    def mail(path, data):
        one = series.Patch(path, "posting")
        posting.Part("alpha", one, "", None, "").version  # pylint: disable=expression-not-assigned
        recipients.listed(one, "To")
        letters.cover_text(posting.Part("alpha", one, "", None, ""), {"alpha": letters.Letterhead("x-1", "example.org")})
        return [one.subject]

    def hooks(*_):
        dropin.hooks(repo)
        lintfiles.check_hooks(repo)

    def commits(*_):
        for one in dropseries.load(repo):
            dropseries.growing(repo, one.files)
        lintfiles.check_commits(repo)
        suiteconfig.read(repo)

    def snippet(*_):
        maintainers.merge("Maintainers List\n\nA\nM:\tx\n\nTHE REST\nM:\ty\n", maintainers.entries(repo))

    def merge(path, data):
        data = shard.merge([path, mini.top / "second.json"][:1 + len(data) % 2], ws)
        report.page(data)
        check.show_table(data)
        check.show_findings(data)

    def stored(path, _):
        store = cache.Cache(path.parent.parent)
        return [repr(store.get("ab" + "0" * 6))]

    def log(path, data):
        text = data.decode("utf-8", "replace")
        reader = ktap.LogReader("check")
        for line in text.splitlines():
            reader.feed(line, 1.0)
        with contextlib.suppress(ValueError):  # as boot.py has it
            ktap.read((HERE / "kunit/fail.json").read_text(), reader)
        splats.find(text)

    def results(path, data):
        with contextlib.suppress(ValueError):
            ktap.read(data.decode("utf-8", "replace"), ktap.LogReader("check"))

    def allowed(path, _):
        splats.read_allowed(path)

    def excuses(path, _):
        coverage._read_excuses(series.Topic(path.parent, []))  # pylint: disable=protected-access

    def variables(_, data):
        text = data.decode("utf-8", "replace").replace("\0", "")
        names = ("JOBS", "STACK_OUT", "STACK_CACHE", "LINUX_TREE", "STACK_REPO", "TERM", "XDG_CACHE_HOME")
        before = dict(os.environ)
        os.environ.update(zip(names, text.split("\n")))
        try:
            env.settings()
            workspace.Workspace().refuse_paths()
            shard.parse(text)
        except term.StackError as exc:
            exc.msg += " variables"
            raise
        finally:
            os.environ.clear()
            os.environ.update(before)

    def said(_, data):
        text = data.decode("utf-8", "replace")
        carry.conflicts("x.c", data)
        applying.offsets(text)
        recipients._sorted(text)  # pylint: disable=protected-access
        return text.splitlines()[:1]

    first = mini.patches()[0]
    ini, base = repo / "patches/v1/alpha/topic.ini", repo / "patches/v1/base.ini"
    write(repo / "MAINTAINERS.snippet", "FABRIC\nM:\tA <a@b.c>\nS:\tMaintained\nF:\tdrivers/pci/tests/\n")
    write(repo / ".b4-config", (ministack.LIB.parents[1] / ".b4-config").read_text())
    write(repo / "kunit/commits/10-all", "Subject: kunit: Add all\nFiles: drivers/pci/tests/*\nTopic: alpha\n\nThe log.\n")
    write(repo / "patches/v1/alpha/uncovered", "line: a.c: return 1;\nreason: why\nuntil: then\n")
    one, two = reports(repo)
    write(mini.top / "second.json", two)
    allow = ministack.LIB.parent / "kunit/splats.allow"
    mails = [p.read_bytes() for p in mini.patches()] + [
        b"From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\nSubject: [PATCH v3 1/2]\n =?utf-8?b?w7xtbMOkdXRl?=\nTo: a@b.c, \"X, Y\" <x@y.z>\n"
        b"Content-Transfer-Encoding: base64\n\nRnJvbTogQQo=\n"]
    logs = [p.read_bytes() for p in sorted((HERE / "kunit").glob("*.log"))]
    runs = [p.read_bytes() for p in sorted((HERE / "kunit").glob("*.json"))]
    made = mini.top / "cache/ab/ab000000.json"
    write(made, json.dumps({"key": "ab000000", "findings": [["x.c", 1, "error", "t"]], "seconds": 1.0, "log": "l"}))
    odd = mini.top / "input"
    return [Form("patch", first, [first.read_bytes()] + mails, patch), Form("mail", first, mails, mail),
            Form("cover", repo / "patches/v1/alpha/0000-cover-letter.patch",
                 [(repo / "patches/v1/alpha/0000-cover-letter.patch").read_bytes()], lint_all),
            Form("series", repo / "series", [(repo / "series").read_bytes()], lint_all),
            Form("topic.ini", ini, [ini.read_bytes()], lint_all),
            Form("base.ini", base, [base.read_bytes()], lambda *_: (series.load(repo), lintfiles.check_bases(repo))),
            Form("suites.ini", repo / "kunit/suites.ini", [(repo / "kunit/suites.ini").read_bytes()],
                 lambda *_: (series.common_suites(repo), lintfiles.check_suites(repo))),
            Form("hooks", repo / "kunit/hooks", [ministack.HOOKS.encode()], hooks),
            Form("commits", repo / "kunit/commits/10-all", [(repo / "kunit/commits/10-all").read_bytes()], commits),
            Form("Kconfig", repo / "kunit/drivers/pci/tests/Kconfig", [b"config MINI\n\tbool\n\n# x\nconfig Y\n"], commits),
            Form("MAINTAINERS.snippet", repo / "MAINTAINERS.snippet", [(repo / "MAINTAINERS.snippet").read_bytes()], snippet),
            Form(".b4-config", repo / ".b4-config", [(repo / ".b4-config").read_bytes()], lambda *_: lintfiles.check_b4(repo)),
            Form("report.json", mini.top / "first.json", [one.encode()], merge, mutate_json),
            Form("result", made, [made.read_bytes()], stored, mutate_json),
            Form("log", odd, logs, log), Form("results", odd, runs, results, mutate_json),
            Form("splats.allow", odd, [allow.read_bytes()], allowed),
            Form("uncovered", repo / "patches/v1/alpha/uncovered",
                 [(repo / "patches/v1/alpha/uncovered").read_bytes()], excuses),
            Form("variables", odd, [b"4\nout\ncache\n/tree:ref\nrepo\nxterm\nx", b"1/4", b"2/1"], variables),
            Form("said", odd, [b"Checking patch a.c...\nHunk #1 succeeded at 3 (offset 2 lines)\n<<<<<<< a\nx\n=======\n"
                               b">>>>>>> b\nA <a@b.c> (maintainer:X (Y))\n"], said)]


def reports(repo):
    """Return two reports of shards (text)."""
    data = {"format": report.FORMAT, "made": "x", "base": {"name": "v1", "version": "1.2.3", "commit": "", "tree": "t"},
            "only": [], "seconds": 1.0, "runs": {"all": 1, "cached": 0}, "not judged": [], "shard": [1, 2],
            "checks": [{"name": "build", "kind": "tree", "why": "w", "sha256": "s"}],
            "tools": [{"check": "build", "arch": "um", "version": "1"}],
            "patches": [{"number": 1, "topic": "alpha", "name": "n", "subject": "s", "files": ["a"], "path": "p", "sha256": "h"}],
            "verdicts": [{"patch": 1, "check": "build", "arch": "um", "verdict": "FAIL", "findings": [
                {"file": "a.c", "line": 1, "level": "error", "text": "t"}], "reason": "", "seconds": 1, "cached": False,
                "quiet": False, "log": "l", "text": "t", "again": "g"}],
            "timing": [{"check": "build", "arch": "um", "runs": 1, "cached": 0, "seconds": 1.0, "now": 1.0}],
            "files": {"json": "j", "html": "h"}}
    del repo
    return json.dumps(data), json.dumps(dict(data, shard=[2, 2], verdicts=[]))


class Watch:
    """Notes what Python is about to start or to write, outside a folder; .seen. One for a process, for ever."""

    def __init__(self, top):
        self.top, self.seen, self.on = str(top), [], False
        sys.addaudithook(self)

    def __call__(self, event, args):
        if not self.on:
            return
        if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "socket.connect"):
            self.seen.append(f"{event}: {args[:2]}")
        elif event == "open" and isinstance(args[0], (str, bytes)) and (
                set(str(args[1] or "")) & set("wax+") or (args[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
            if not os.path.abspath(os.fsdecode(args[0])).startswith((self.top, "/dev/null")):
                self.seen.append(f"writes {args[0]!r}")


class TooLong(BaseException):
    """An input took more than SECONDS of processor time."""


def too_long(*_):
    raise TooLong()


def judge(form, number, watch):
    """Try one input; return None, or what is wrong with it."""
    rng = random.Random(f"{form.name} {number}")
    data = form.change(rng, form.seeds)
    form.path.write_bytes(data)
    out, watch.seen = io.StringIO(), []
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        watch.on = True
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                for line in form.read(form.path, data) or ():
                    term.say(line)
            except term.StackError as exc:
                term.error(exc)
                if not any(name in exc.msg for name in (form.path.name, form.name, "/patches/", "the address in")):
                    return f"the message does not name {form.path.name}: {exc.msg[:200]!r}"
        watch.on = False
        out.getvalue().encode()
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out.getvalue()):
            return f"a control character gets to the terminal: {out.getvalue()[:200]!r}"
    except TooLong:
        return f"more than {SECONDS} s"
    except OSError as exc:  # for which cli.py has a message
        return None if exc.filename else repr(exc)
    except Exception:  # pylint: disable=broad-except
        return "".join(traceback.format_exc().splitlines(True)[-6:])
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        watch.on = False
    return "; ".join(watch.seen) or None


def work(top, names, part, parts, count, pipe):
    """In a process of its own: try the inputs part, part + parts... of count of each form; send what is wrong."""
    mini = MiniStack.__new__(MiniStack)
    mini.top = top
    mini.repo, mini.out = top / "repo", top / "out"
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    signal.signal(signal.SIGVTALRM, too_long)
    os.chdir(top)
    os.environ.update(NO_COLOR="1", COLUMNS="100")
    watch, wrong, tried = Watch(top), {}, 0
    for form in forms(mini):
        if names and form.name not in names:
            continue
        before = form.path.read_bytes() if form.path.exists() else b""
        for number in range(part, count, parts):
            if names and names[form.name] not in (None, number):
                continue
            tried += 1
            said = judge(form, number, watch)
            if said:
                wrong.setdefault(form.name + " " + said.splitlines()[-1][:60], f"FUZZ_ONLY={form.name}:{number}\n{said}")
        form.path.write_bytes(before)
    pipe.send((tried, wrong))
    pipe.close()


class Fuzz(unittest.TestCase):
    """All forms."""

    def test_inputs(self):
        """Every input of every form."""
        mini = MiniStack(self)
        form, _, number = os.environ.get("FUZZ_ONLY", "").partition(":")
        names = {form: int(number) if number else None} if form else {}
        count = -(-INPUTS // len(forms(mini)))
        parts = 1 if names else min(4, len(os.sched_getaffinity(0)))
        fork = multiprocessing.get_context("fork")
        jobs = []
        for part in range(parts):
            top = mini.top / f"part{part}"
            shutil.copytree(mini.top, top, symlinks=True, ignore=shutil.ignore_patterns("part*"))
            ours, theirs = fork.Pipe(False)
            jobs.append((fork.Process(target=work, args=(top, names, part, parts, count, theirs)), ours))
            jobs[-1][0].start()
            theirs.close()
        tried, wrong = 0, {}
        for process, pipe in jobs:
            try:
                one, found = pipe.recv()
            except EOFError:
                one, found = 0, {"died": "a process of the fuzzer died"}
            tried, wrong = tried + one, {**wrong, **found}
            process.join()
        print(f"fuzz: {tried} inputs")
        self.assertEqual(list(wrong.values()), [], "\n\n".join(wrong.values()))
        self.assertTrue(names or tried >= INPUTS, tried)


# What the tool itself starts for these.
OURS = {"python3", "git", "xz", "cat", "patch", "perl", "git-remote-https", "env"}
SAMPLE = [("patch", ["apply"]), ("series", ["apply"]), ("topic.ini", ["lint"]), ("base.ini", ["apply"]), ("hooks", ["apply"]),
          ("commits", ["export", "alpha", "-o", "-"]), ("MAINTAINERS.snippet", ["apply"]), ("cover", ["export", "alpha"]),
          ("mail", ["diff", "alpha", "--compare-posting"]), ("report.json", ["check", "--merge"]), ("patch", ["refresh", "--check"]),
          ("patch", ["mail-check"])]


class Sample(unittest.TestCase):
    """Some of them through the whole command: what it starts, what it writes."""

    def test_whole_commands(self):
        mini = MiniStack(self)
        known = {form.name: form for form in forms(mini)}
        write(mini.repo / "scripts/checks/words", "#!/bin/sh\n# kind: patch\n[ \"$1\" ] && echo 1\nexit 0\n")
        (mini.repo / "scripts/checks/words").chmod(0o755)
        write(mini.kernel / "scripts/checkpatch.pl", "# here\n")
        for name in ("touch", "rm", "curl", "wget", "ssh", "gpg", "vi", "editor", "less", "ed"):
            write(mini.top / "canaries" / name, f"#!/bin/sh\necho {name} >> {mini.top}/ran\n")
            (mini.top / "canaries" / name).chmod(0o755)
        strace = shutil.which("strace", path=ministack.PATH)
        self.assertTrue(strace, "scripts/stack setup")
        for number, (name, words) in enumerate(SAMPLE):
            form, note = known[name], mini.top / "note"
            before = form.path.read_bytes() if form.path.exists() else b""
            path = form.path if name in ("report.json",) or words[0] not in ("diff", "mail-check") else mini.top / "input"
            path.write_bytes(form.change(random.Random(number), form.seeds))
            more = {"diff": [path], "check": [path, mini.top / "second.json"]}.get(words[0], [])
            trace = [strace, "-f", "-qq", "-e", "trace=execve", "-e", "status=successful", "-o", note]
            there = {p for p in mini.top.iterdir()}
            with open(path, "rb") as handle:
                proc = subprocess.run([*map(str, trace), sys.executable, str(ministack.LIB), *map(str, words + more)],
                                      cwd=mini.kernel, stdin=handle, capture_output=True, check=False, timeout=120,
                                      env=ministack.environment(**dict(mini.env, PATH=f"{mini.top}/canaries:{ministack.PATH}")))
            with self.subTest(name, words=words):
                self.assertIn(proc.returncode, (0, 1, 2), proc.stderr)
                self.assertNotIn(b"Traceback", proc.stderr)
                self.assertEqual({p.name for p in set(mini.top.iterdir()) - there} - {"out", "cache", "note"}, set())
                ran = {re.sub(r"[0-9.]+$", "", os.path.basename(w)) for w in re.findall(r'execve\("([^"]+)"', note.read_text())}
                self.assertLessEqual(ran, {re.sub("[0-9.]+$", "", o) for o in OURS} | {"words", "sh"})
            form.path.write_bytes(before)


if __name__ == "__main__":
    unittest.main()
