# SPDX-License-Identifier: GPL-2.0
"""The two tools that Debian 12 has too old: sparse is built, b4 unpacked, both in the cache.

Each is made in a folder beside its place, tried, and then moved there, so that a
run that is cut short leaves nothing that looks ready.
"""
import os
import shutil
import subprocess
from pathlib import Path

from stacklib.host import env, tools
from stacklib.host.aptsource import first
from stacklib.host.term import StackError, done, progress

SPARSE_SUITES, SPARSE_VERSION = ["forky", "sid"], "0.6.5"
# CC: the source package names a compiler of its own release.
SPARSE_MAKE = ["CC=gcc", "HAVE_SQLITE=no", "HAVE_GTK=no", "HAVE_LLVM=no", "HAVE_LIBXML=no"]
B4_SUITES = ["trixie"]

B4_LAUNCHER = """#!/bin/sh
# Debian's b4 of a later release, unpacked here, on the system's own python3.
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
PYTHONPATH="$here/usr/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 \\
	exec /usr/bin/python3 -c 'import sys; from b4.command import cmd; sys.exit(cmd())' "$@"
"""


def make(ws, name: str) -> None:
    """Make sparse or b4 in <cache>/tools; StackError when that fails or it does not work."""
    with ws.cache_lock():
        place = ws.cache / "tools" / name
        fresh = place.with_name(name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            {"sparse": build_sparse, "b4": unpack_b4}[name](ws.cache, fresh)
            shutil.rmtree(place, ignore_errors=True)
            fresh.rename(place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            done()
        if not tools.good(name, tools.search_path(ws.cache)):
            shutil.rmtree(place, ignore_errors=True)
            raise StackError(f"{name} was made but does not work",
                             f"report it with the output of: {place / 'bin' / name} --version")


def build_sparse(cache, target) -> None:
    """Build sparse from Debian's source package into target/bin."""
    def build(apt, _) -> None:
        version = apt.source_version("sparse", lambda v: v.startswith(SPARSE_VERSION), SPARSE_VERSION)
        dsc = apt.download_source("sparse", version)
        source = dsc.parent / "src"
        command(["dpkg-source", "--no-check", "-x", dsc.name, source.name], dsc.parent)
        progress(f"setup: building sparse {version}")
        # Left alone it takes its version from git, or calls itself 0.6.4.
        name = "SPARSE_VERSION=" + version.split("-")[0].replace("~", "-")
        command(["make", f"-j{os.cpu_count() or 1}", name, *SPARSE_MAKE, "sparse"], source)
        (target / "bin").mkdir()
        shutil.copy2(source / "sparse", target / "bin" / "sparse")
        progress(f"setup: trying sparse {version}")
    first(cache, SPARSE_SUITES, True, build)


def unpack_b4(cache, target) -> None:
    """Unpack a later Debian's b4, which is pure Python, into target; a launcher in target/bin."""
    def unpack(apt, _) -> None:
        progress("setup: downloading b4")
        command(["dpkg-deb", "-x", str(apt.download_binary("b4")), str(target)], target)
    first(cache, B4_SUITES, False, unpack)
    (target / "bin").mkdir()
    launcher = target / "bin" / "b4"
    launcher.write_text(B4_LAUNCHER, encoding="utf-8")
    launcher.chmod(0o755)


def command(words, cwd) -> None:
    """Run a command quietly; StackError with the end of what it printed when it fails."""
    proc = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=env.child(LC_ALL="C", TMPDIR=str(cwd)))
    if proc.returncode:
        tail = (proc.stdout + proc.stderr).strip().splitlines()[-8:]
        said = "".join(f"\n  {line}" for line in tail)
        raise StackError(f"{' '.join(Path(w).name for w in words[:3])} failed (exit {proc.returncode}):{said}")
