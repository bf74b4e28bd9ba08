# SPDX-License-Identifier: GPL-2.0
"""Runs git so that nobody's configuration, hooks or environment change what it does.

A tree that is not ours is read through host/usertree.py.
"""
import functools
import os
import subprocess
import tempfile

from stacklib.host import env as host
from stacklib.host.term import StackError, done, progress

# Settings of every call: what a repository's own configuration could name is no program.
_CONFIG = [
    ("core.hooksPath", "/dev/null"), ("core.fsmonitor", "false"), ("core.sshCommand", "false"),
    ("credential.helper", ""), ("gpg.program", "false"), ("log.showSignature", "false"), ("commit.gpgSign", "false"),
    ("core.quotePath", "false"), ("core.abbrev", "12"), ("advice.detachedHead", "false"),
    ("gc.auto", "0"), ("maintenance.auto", "false"), ("protocol.version", "2"),
]

# Whoever commits on behalf of the tool; fixed, so that commit ids are stable.
IDENTITY = {"GIT_COMMITTER_NAME": "stack", "GIT_COMMITTER_EMAIL": "stack@localhost"}


@functools.lru_cache(maxsize=None)
def safe_directories() -> tuple:
    """Return the folders of other users that the user's own configuration has git trust (safe.directory)."""
    try:
        proc = subprocess.run(["git", "config", "--get-all", "safe.directory"], capture_output=True, text=True,
                              env=host.child(("GIT_DIR",), GIT_DIR=os.devnull), check=False, cwd="/")
    except FileNotFoundError as exc:
        raise missing_git("/") from exc
    return tuple(("safe.directory", value) for value in proc.stdout.splitlines())


def environment(extra=None) -> dict:
    """Return the environment for git: the caller's, less every GIT_* variable; nothing is fetched unless
    extra has GIT_ALLOW_PROTOCOL."""
    env = host.child(("GIT_",))
    env.update({
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "GIT_EDITOR": "false", "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C",
    })
    settings = [*_CONFIG, *safe_directories()]
    env["GIT_CONFIG_COUNT"] = str(len(settings))
    if tempfile.tempdir:
        env["TMPDIR"] = tempfile.tempdir
    for i, (key, value) in enumerate(settings):
        env[f"GIT_CONFIG_KEY_{i}"] = key
        env[f"GIT_CONFIG_VALUE_{i}"] = value
    env.update({k: str(v) for k, v in (extra or {}).items()})
    return env


FREE_SPACE = "free some disk space (df -h), then run the same command again"


def disk_full(text: str) -> bool:
    """Return whether what git said means that it had no room to write."""
    return any(words in text for words in ("No space left on device", "Out of diskspace",
                                           "Disk quota exceeded", "unable to write file"))


class GitError(StackError):
    """A git command failed; .stderr holds what it said, .status its exit status."""

    def __init__(self, args, status, stderr):
        words = " ".join(str(a) for a in args[:6])
        tail = "\n".join(stderr.strip().splitlines()[-6:])
        mend = FREE_SPACE if disk_full(stderr) else None
        super().__init__(f"git {words} failed (exit {status})\n{tail}", mend)
        self.stderr = stderr
        self.status = status


def run(*args, cwd, input=None, env=None, timeout=None) -> tuple:
    """Run git; return (exit status, stdout bytes, stderr str). input is bytes or str."""
    if isinstance(input, str):
        input = input.encode()
    try:
        proc = subprocess.run(["git", *map(str, args)], cwd=str(cwd), input=input,
                              env=environment(env), capture_output=True,
                              stdin=subprocess.DEVNULL if input is None else None, timeout=timeout, check=False)
    except FileNotFoundError as exc:
        raise missing_git(cwd) from exc
    except subprocess.TimeoutExpired as exc:
        raise StackError(f"git {args[0]} in {cwd} took longer than {timeout} s") from exc
    return proc.returncode, proc.stdout, proc.stderr.decode("utf-8", "replace")


def missing_git(cwd) -> StackError:
    """Return the error for a git that could not be started: no git, or no such folder."""
    if not os.path.isdir(str(cwd)):
        return StackError(f"no such folder: {cwd}")
    return StackError("git is not installed", "scripts/stack setup")


def git_bytes(*args, cwd, input=None, env=None) -> bytes:
    """Run git and return its standard output as bytes; GitError when it fails."""
    status, out, err = run(*args, cwd=cwd, input=input, env=env)
    if status:
        raise GitError(args, status, err)
    return out


def git(*args, cwd, input=None, env=None, check: bool = True, timeout=None) -> str:
    """Run git and return its standard output, stripped of the last newline.

    GitError when it fails, unless check is False: then what it printed.
    """
    status, out, err = run(*args, cwd=cwd, input=input, env=env, timeout=timeout)
    if status and check:
        raise GitError(args, status, err)
    return out.decode("utf-8", "replace").rstrip("\n")


def changed_tree(git_dir, treeish, rows) -> str:
    """Return the id of the tree of treeish with rows [(mode, path, object id or bytes)] put in, all at once.

    git fast-import reads the folders that rows name and no others, where an index has the whole kernel.
    """
    tree = git("rev-parse", treeish + "^{tree}", cwd=git_dir)
    orders = [b"commit refs/stack/scratch\ncommitter stack <stack@localhost> 0 +0000\ndata 0\n"
              b"M 040000 %s \n" % tree.encode()]
    orders += [b"M %s %s %s\n" % (mode.encode(), what.encode(), quote(path)) if isinstance(what, str) else
               b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), quote(path), len(what), what)
               for mode, path, what in rows]
    orders.append(b"ls \"\"\nreset refs/stack/scratch\nfrom %s\n" % (b"0" * len(tree)))
    return git("fast-import", "--quiet", "--force", cwd=git_dir, input=b"".join(orders)).split()[2]


def quote(name: str) -> bytes:
    """Return a path the way fast-import reads it: quoted when it has to be."""
    raw = name.encode("utf-8", "surrogateescape")
    if raw.startswith(b'"') or b"\n" in raw:
        raw = b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    return raw


def piped(first, second, cwd):
    """Run the git command `first` into the git command `second`; return what that prints, GitError when one fails."""
    with tempfile.TemporaryFile() as said, \
            subprocess.Popen(["git", *map(str, first)], cwd=str(cwd), env=environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=said) as source:
        proc = subprocess.run(["git", *second], cwd=str(cwd), env=environment(), stdin=source.stdout,
                              capture_output=True, check=False)
        source.stdout.close()
        status = source.wait()
        said.seek(0)
        if status or proc.returncode:
            words, err = (first, said.read()) if status else (second, proc.stderr)
            raise GitError(words, status or proc.returncode, err.decode("utf-8", "replace"))
    return proc.stdout.decode("utf-8", "replace")


def patch_ids(cwd, *span) -> list:
    """Return [(stable patch id, commit)] of the commits that git log lists for span, in its order."""
    log = ("log", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--full-index", "--format=commit %H", *span)
    return [tuple(line.split()) for line in piped(log, ("patch-id", "--stable"), cwd).splitlines()]


def blobs(names, cwd) -> list:
    """Return the contents (bytes) of the blobs that names ("TREE:PATH") mean, in order; b"" of what is no blob."""
    good = [name for name in names if "\n" not in name]  # git says "NAME missing" in one line
    asked = "".join(f"{name}\0" for name in good).encode("utf-8", "surrogateescape")
    said, found = git_bytes("cat-file", "--batch", "-z", cwd=cwd, input=asked) if good else b"", {}
    for name in good:
        head, _, said = said.partition(b"\n")
        kind, last = head.split()[-2:]
        size = int(last) + 1 if last.isdigit() else 0
        found[name], said = said[:size][:-1] if kind == b"blob" else b"", said[size:]
    return [found.get(name, b"") for name in names]


def ok(*args, cwd, env=None) -> bool:
    """Run git and return whether it succeeded."""
    return run(*args, cwd=cwd, env=env)[0] == 0


def run_progress(*args, cwd, label, env=None):
    """Run a git command that takes long, with what it says on stderr as progress; return (exit status, the last 20
    lines, those of progress, which end in CR, too)."""
    try:
        proc = subprocess.Popen(["git", *map(str, args)], cwd=str(cwd), env=environment(env), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    except FileNotFoundError as exc:
        raise missing_git(cwd) from exc
    said = []
    with proc:
        try:
            for text in filter(None, map(str.strip, proc.stderr)):
                said.append(text)
                if "%" in text:
                    progress(label + text.split(", done")[0])
        except BaseException:
            proc.kill()
            raise
        finally:
            done()
    return proc.returncode, said[-20:]
