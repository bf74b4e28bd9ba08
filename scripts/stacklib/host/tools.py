# SPDX-License-Identifier: GPL-2.0
"""The programs that the stack uses: which packages have them, how to tell that they work."""
import glob
import os
import re
import shutil
import subprocess

from stacklib.host import env

# The programs by their names here (with ensure(), and in the table of `setup`), and Debian's packages that have them.
PACKAGES = {
    **{name: [name] for name in ("make", "g++", "ccache", "flex", "bison", "bc", "libelf-dev", "perl", "python3",
                                 "python3-ply", "python3-git", "patch", "quilt", "codespell", "shellcheck", "flake8",
                                 "mypy", "dpkg-dev")},
    **{f"{machine}-gcc": [f"gcc-{machine}"] for machine in ("aarch64-linux-gnu", "i686-linux-gnu", "s390x-linux-gnu",
                                                            "powerpc64le-linux-gnu", "sparc64-linux-gnu")},
    "git": ["git", "ca-certificates"], "gcc": ["gcc", "libc6-dev"], "libssl-dev": ["libssl-dev", "openssl"],
    "qemu-system-x86_64": ["qemu-system-x86"], "busybox": ["busybox-static"], "xz": ["xz-utils"],
    # The kernel's rules print through Python, which spatch finds so; two are scripted in OCaml, which it compiles.
    "spatch": ["coccinelle"], "libpython3-dev": ["libpython3-dev"], "ocamlopt": ["ocaml-nox"],
    "uuid-dev": ["uuid-dev"],  # the library of VFIO's selftests includes it in newer kernels
    "strace": ["strace"],  # what the fuzz test of the tool's own watches whole commands with
    # Not installed from the machine's own suites: see special.py.
    "sparse": [], "b4": ["python3-dkim", "python3-dnspython", "python3-requests", "python3-patatt", "git-filter-repo"],
}
# What prints the version, where that is not NAME --version; of a library, a file that shows that it is there.
PROBES = {
    "busybox": ["busybox"], "perl": ["perl", "-e", "printf '%vd', $^V"], "python3": ["/usr/bin/python3", "--version"],
    "ocamlopt": ["ocamlopt", "-version"], "dpkg-dev": ["dpkg-source", "--version"],
    "libelf-dev": "/usr/include/gelf.h", "libssl-dev": "/usr/include/openssl/ssl.h",
    "uuid-dev": "/usr/include/uuid/uuid.h",
    "python3-ply": "/usr/lib/python3/dist-packages/ply", "python3-git": "/usr/lib/python3/dist-packages/git",
    "libpython3-dev": "/usr/lib/*/libpython3.*.so",
}
TOOLS = {name: (packages, PROBES.get(name, [name, "--version"])) for name, packages in PACKAGES.items()}

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
    # One made by setup is good; asking it takes half a second.
    return found is not None and (name != "b4" or "/tools/b4/bin/" in found or good(name, path))


def good(name: str, path):
    """Return whether a tool is there and does what the stack needs of it."""
    found = version(name, path)
    if not found or name != "b4":
        return bool(found) and (name != "sparse" or sparse_good(path))
    return tuple(map(int, re.findall(r"\d+", found)[:2])) >= B4_AT_LEAST


def sparse_good(path) -> bool:
    """Return whether sparse accepts the kernel's own test of it."""
    try:
        proc = subprocess.run(["sparse", "-"], input=SPARSE_PROBE, capture_output=True, text=True,
                              env=env.child(PATH=path), check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return proc.returncode == 0 and "error" not in proc.stdout + proc.stderr
