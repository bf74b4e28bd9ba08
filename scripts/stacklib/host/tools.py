# SPDX-License-Identifier: GPL-2.0
"""The programs that the stack uses: which packages have them, how to tell that they work."""
import glob
import os
import re
import shutil
import subprocess

from stacklib.host import env

# name: what it is called here, with ensure() and in the table of `setup`.
# packages: Debian's. command: prints the version; None for what has no command.
# probe: a file that shows that a library is there.
TOOLS = {
    "git": (["git", "ca-certificates"], ["git", "--version"]),
    "make": (["make"], ["make", "--version"]),
    "gcc": (["gcc", "libc6-dev"], ["gcc", "--version"]),
    "g++": (["g++"], ["g++", "--version"]),
    "aarch64-linux-gnu-gcc": (["gcc-aarch64-linux-gnu"], ["aarch64-linux-gnu-gcc", "--version"]),
    "i686-linux-gnu-gcc": (["gcc-i686-linux-gnu"], ["i686-linux-gnu-gcc", "--version"]),
    "s390x-linux-gnu-gcc": (["gcc-s390x-linux-gnu"], ["s390x-linux-gnu-gcc", "--version"]),
    "powerpc64le-linux-gnu-gcc": (["gcc-powerpc64le-linux-gnu"], ["powerpc64le-linux-gnu-gcc", "--version"]),
    "sparc64-linux-gnu-gcc": (["gcc-sparc64-linux-gnu"], ["sparc64-linux-gnu-gcc", "--version"]),
    "qemu-system-x86_64": (["qemu-system-x86"], ["qemu-system-x86_64", "--version"]),
    "busybox": (["busybox-static"], ["busybox"]),
    "ccache": (["ccache"], ["ccache", "--version"]),
    "flex": (["flex"], ["flex", "--version"]),
    "bison": (["bison"], ["bison", "--version"]),
    "bc": (["bc"], ["bc", "--version"]),
    "libelf-dev": (["libelf-dev"], "/usr/include/gelf.h"),
    "libssl-dev": (["libssl-dev", "openssl"], "/usr/include/openssl/ssl.h"),
    "perl": (["perl"], ["perl", "-e", "printf '%vd', $^V"]),
    "python3": (["python3"], ["/usr/bin/python3", "--version"]),
    "python3-ply": (["python3-ply"], "/usr/lib/python3/dist-packages/ply"),
    "python3-git": (["python3-git"], "/usr/lib/python3/dist-packages/git"),
    "xz": (["xz-utils"], ["xz", "--version"]),
    "patch": (["patch"], ["patch", "--version"]),
    "quilt": (["quilt"], ["quilt", "--version"]),
    "spatch": (["coccinelle"], ["spatch", "--version"]),
    # spatch finds Python, which the kernel's rules print through, by this name only.
    "libpython3-dev": (["libpython3-dev"], "/usr/lib/*/libpython3.*.so"),
    # Two of the kernel's rules are scripted in OCaml, which spatch compiles.
    "ocamlopt": (["ocaml-nox"], ["ocamlopt", "-version"]),
    "codespell": (["codespell"], ["codespell", "--version"]),
    "shellcheck": (["shellcheck"], ["shellcheck", "--version"]),
    "flake8": (["flake8"], ["flake8", "--version"]),
    "mypy": (["mypy"], ["mypy", "--version"]),
    # What the fuzz test of the tool's own watches whole commands with.
    "strace": (["strace"], ["strace", "--version"]),
    "dpkg-dev": (["dpkg-dev"], ["dpkg-source", "--version"]),
    # Not installed from the machine's own suites: see special.py.
    "sparse": ([], ["sparse", "--version"]),
    "b4": (["python3-dkim", "python3-dnspython", "python3-requests", "python3-patatt",
            "git-filter-repo"], ["b4", "--version"]),
}

# Where sparse does not know what the kernel's scripts/checker-valid.sh asks for,
# `make C=2` goes on without it and says so in one line that is easily missed.
SPARSE_PROBE = """static inline int u(const int *q)
{
	__typeof_unqual__(*q) v = *q;
	return v;
}
"""
B4_AT_LEAST = (0, 14)


def search_path(cache) -> str:
    """Return the PATH in which tools that setup made come first, then Debian's own.

    Debian's scripts need /usr/bin/python3, so /usr/bin is moved before others.
    """
    path = (env.variable("PATH") or os.defpath).split(os.pathsep)
    own = [str(cache / "tools" / name / "bin") for name in ("sparse", "b4")]
    front = [p for p in ("/usr/bin",) if p in path]
    return os.pathsep.join(own + front + [p for p in path if p not in own + front])


def version(name: str, path):
    """Return what a tool says its version is; None when it is missing or does not run.

    path is the PATH to look in. A library without a command has the version "yes".
    """
    command = TOOLS[name][1]
    if isinstance(command, str):
        return "yes" if glob.glob(command) else None
    if not shutil.which(command[0], path=path):
        return None
    try:
        proc = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                              stdin=subprocess.DEVNULL, env=env.child(PATH=path))
    except (OSError, subprocess.TimeoutExpired):
        return None
    if proc.returncode:
        return None
    found = re.search(r"\d+(\.\d+)+[\w~+.-]*", proc.stdout + proc.stderr)
    return found.group(0).rstrip(".") if found else "?"


def present(name: str, path):
    """Return whether a tool is there at all; sparse and b4 in a version that works."""
    command = TOOLS[name][1]
    if isinstance(command, str):
        return bool(glob.glob(command))
    found = shutil.which(command[0], path=path)
    if name == "sparse":
        return bool(found) and sparse_good(path)
    if name == "b4" and found and "/tools/b4/bin/" in found:
        return True  # made by setup; asking it takes half a second
    return good(name, path) if name == "b4" else bool(found)


def good(name: str, path):
    """Return whether a tool is there and does what the stack needs of it."""
    found = version(name, path)
    if not found:
        return False
    if name == "sparse":
        return sparse_good(path)
    if name == "b4":
        numbers = tuple(int(n) for n in re.findall(r"\d+", found)[:2])
        return numbers >= B4_AT_LEAST
    return True


def sparse_good(path, program: str = "sparse") -> bool:
    """Return whether sparse accepts the kernel's own test of it."""
    try:
        proc = subprocess.run([program, "-"], input=SPARSE_PROBE, capture_output=True, text=True,
                              env=env.child(PATH=path), check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return proc.returncode == 0 and "error" not in proc.stdout + proc.stderr
