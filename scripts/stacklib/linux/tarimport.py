# SPDX-License-Identifier: GPL-2.0
"""Turns a kernel tarball into a git tree, in one pass and without unpacking it.

`git fast-import` keeps what it gets in a temporary pack until the end, so that an
import that is cut short leaves no object behind. Every file of the tarball goes
in: a packaged kernel has a .gitignore that would hide nearly all of it.
"""
import contextlib
import shutil
import subprocess
import tarfile

from stacklib.host import gitcmd
from stacklib.host.term import StackError, done, progress

_DECOMPRESS = {".xz": "xz", ".gz": "gzip", ".bz2": "bzip2", ".zst": "zstd"}


def run(path, repo, version) -> str:
    """Import the tarball at path into the bare repository repo; return the tree's id.

    The first folder of every name is dropped (linux-7.1.8/...). version is only
    used in messages. StackError when the tarball is cut short or unreadable.
    """
    tool = _DECOMPRESS.get(path.suffix)
    if tool and not shutil.which(tool):
        raise StackError(f"{path}: '{tool}' is not installed", "scripts/stack setup")
    unpack = subprocess.Popen([tool or "cat", *(["-dc"] if tool else []), str(path)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    feed = subprocess.Popen(["git", "-c", "core.compression=1", "fast-import", "--quiet",
                             "--depth=0", "--export-marks=import.marks"],
                            cwd=repo, stdin=subprocess.PIPE, env=gitcmd.environment(),
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        problem = _feed(unpack, feed, f"base: importing Linux {version}")
        if problem:
            mend = gitcmd.FREE_SPACE if gitcmd.disk_full(problem) else \
                f"get the file again: {path}"
            raise StackError(f"{path}: import into {repo} failed: {problem}", mend)
        commit = (repo / "import.marks").read_text(encoding="utf-8").split()[1]
        return gitcmd.git("rev-parse", commit + "^{tree}", cwd=repo)
    finally:
        for proc in (unpack, feed):
            if proc.poll() is None:
                proc.kill()
            for pipe in filter(None, (proc.stdout, proc.stdin, proc.stderr)):
                with contextlib.suppress(BrokenPipeError):  # the other end may be gone
                    pipe.close()
            proc.wait()
        gitcmd.git("update-ref", "-d", "refs/import", cwd=repo, check=False)
        for left in [repo / "import.marks", *repo.glob("fast_import_crash_*")]:
            left.unlink(missing_ok=True)
        done()


def _feed(unpack, feed, label):
    """Pass the tar file from one process to the other; return what went wrong, or None."""
    problem = None
    try:
        _stream(unpack.stdout, feed.stdin, label)
        feed.stdin.close()
    except (tarfile.TarError, EOFError) as exc:
        problem = f"not a whole tar file ({exc})"
        feed.kill()
    except BrokenPipeError:
        problem = "git fast-import ended early"
    said = feed.stderr.read().decode("utf-8", "replace").strip()
    if problem:
        return problem + (": " + said.splitlines()[0] if said else "")
    if feed.wait():
        return "git fast-import: " + said
    unpack.stdout.read()
    if unpack.wait():
        return unpack.stderr.read().decode("utf-8", "replace").strip()
    return None


def _stream(source, sink, label):
    """Write the tar stream source to sink as one fast-import commit, with progress."""
    sink.write(b"reset refs/import\n\ncommit refs/import\nmark :1\n"
               b"committer stack <stack@localhost> 0 +0000\ndata 0\n\n")
    count = 0
    with tarfile.open(fileobj=source, mode="r|", bufsize=1 << 20) as tar:
        for member in tar:
            _, slash, name = member.name.partition("/")
            if not slash or not (member.isfile() or member.issym()):
                continue
            if member.issym():
                mode, data = b"120000", member.linkname.encode()
            else:
                mode = b"100755" if member.mode & 0o100 else b"100644"
                data = tar.extractfile(member).read()
            sink.write(b"M %s inline %s\ndata %d\n" % (mode, gitcmd.quote(name), len(data)))
            sink.write(data)
            sink.write(b"\n")
            count += 1
            if count % 1000 == 0:
                progress(f"{label}: {count} files")
    if not count:
        raise tarfile.TarError("no files in it")
