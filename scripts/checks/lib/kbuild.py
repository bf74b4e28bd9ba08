# SPDX-License-Identifier: GPL-2.0
"""Compiling chosen objects of a kernel tree, for the checks `build` and `sparse`.

Both use the same build folder and the same flags, so that what one compiled the other
does not compile again.
"""
import hashlib
import os
import re
import shutil

import checklib as c

LIB = os.path.dirname(os.path.realpath(__file__))
# `error: ` and `warning: ` of gcc, sparse and objtool; "note:" only explains the line above it
DIAGNOSTIC = re.compile(r"^([^\s:][^:]*?)(?::(\d+))?(?::\d+)?: (fatal error|error|warning|note): (.*)$")
# The machine failed, not the patch; a gcc that crashes says nothing of the source either
BAD_LUCK = re.compile(r"^(?! )(?:.*(?:Cannot allocate memory|No space left on device|internal compiler error"
                      r"|Killed signal)|make.*\*\*\* .*\bKilled|(?:.*: )?Killed$).*$", re.M)
NOT_KERNEL = ("Documentation/", "tools/", "scripts/")


def versions():
    """Version text of make and of the compiler for ARCH; Broken when one is missing."""
    gcc = os.environ.get("CROSS_COMPILE", "") + "gcc"
    return "%s\n%s" % (c.first_line([c.tool("make"), "--version"], r"^GNU Make"),
                       c.first_line([c.tool(gcc), "--version"], r"gcc.* \d+\.\d+"))


def symbol(line):
    """The symbol that a line of a Kconfig fragment sets or leaves unset; None for another line."""
    match = re.match(r"(?:# )?(CONFIG_\w+)(?:=| is not set)", line)
    return match and match.group(1)


class Kbuild:
    """One kernel tree (TREE), one architecture (ARCH), one build folder (BUILD)."""

    def __init__(self):
        self.tree = os.path.realpath(c.env("TREE"))
        self.arch, self.out = c.env("ARCH"), os.path.realpath(c.env("BUILD"))
        self.lists = {}
        os.makedirs(self.out, exist_ok=True)

    def make(self, *args):
        """Run make; returns its CompletedProcess.  Output goes to the log as well.

        Broken when the machine ran out of memory or space, or the compiler crashed.
        """
        gcc = os.environ.get("CROSS_COMPILE", "") + "gcc"
        ccache = shutil.which("ccache")
        argv = [c.tool("make"), "-C", self.tree, "O=" + self.out, "ARCH=" + self.arch,
                "CROSS_COMPILE=" + os.environ.get("CROSS_COMPILE", ""),
                "CC=" + ("ccache " + gcc if ccache else gcc),
                "-j" + os.environ.get("JOBS", str(os.cpu_count() or 1))] + list(args)
        res = c.run(argv)
        c.log("$ %s\n%s%s" % (" ".join(argv[:1] + argv[3:]), res.stdout, res.stderr))
        luck = BAD_LUCK.search(res.stderr + "\n" + res.stdout)
        if luck:
            raise c.Broken("make could not do its work: %.300s" % luck.group().strip())
        return res

    def configure(self):
        """Make .config when there is none, or the fragment or a Kconfig file changed."""
        with open(os.path.join(LIB, "build.config"), encoding="utf-8") as src:
            fragment = src.read()
        flavour = self.flavour()
        fragment = "".join(line for line in fragment.splitlines(True) if symbol(line) not in map(symbol, flavour))
        fragment += "".join(line + "\n" for line in flavour + os.environ.get("KCONFIG_EXTRA", "").split())
        stamp = os.path.join(self.out, ".stack-config")
        want = hashlib.sha256((fragment + self.tree + self.arch + versions()).encode()).hexdigest()
        try:
            with open(stamp, encoding="utf-8") as src:
                if src.read() == want + self.kconfig():
                    return
        except OSError:
            pass
        path = os.path.join(self.out, ".stack-fragment")
        with open(path, "w", encoding="utf-8") as out:
            out.write(fragment)
        self._must(self.make("-s", "KCONFIG_ALLCONFIG=" + path, "allmodconfig"), "allmodconfig")
        with open(os.path.join(self.out, ".config"), encoding="utf-8") as src:
            have = src.read().splitlines()
        lost = [line for line in flavour if line.endswith("=y") and line not in have]
        if lost:
            raise c.Broken("flavour %s: %s cannot be had on %s" % (os.environ["FLAVOUR"], " ".join(lost), self.arch))
        self._must(self.make("-s", "prepare"), "prepare")
        with open(stamp, "w", encoding="utf-8") as out:
            out.write(want + self.kconfig())

    @staticmethod
    def flavour():
        """Lines of the fragment of FLAVOUR, lib/flavours/FLAVOUR.config, that set something; [] without one."""
        if not os.environ.get("FLAVOUR"):
            return []
        with open(os.path.join(LIB, "flavours", os.environ["FLAVOUR"] + ".config"), encoding="utf-8") as src:
            return [line for line in src.read().splitlines() if symbol(line)]

    def kconfig(self):
        """Hash over the Kconfig files of the last configuration; OSError when there was none."""
        with open(os.path.join(self.out, "include/config/auto.conf.cmd"), encoding="utf-8") as src:
            names = sorted(set(re.findall(r"[^\s\\:$()=]*Kconfig[^\s\\:$()]*", src.read())))
        total = hashlib.sha256()
        for name in names:
            with open(os.path.join(self.tree, name), "rb") as src:
                total.update(name.encode() + b"\0" + src.read() + b"\0")
        return " %d %s" % (len(names), total.hexdigest())

    @staticmethod
    def _must(res, what):
        if res.returncode:
            raise c.Broken("make %s: exit status %d: %s" % (what, res.returncode, res.stderr.strip()[-600:]))

    def listed(self, folder):
        """Names that the Makefile of FOLDER ("" is the top) lists in this configuration."""
        if folder not in self.lists:
            res = c.run([c.tool("make"), "-s", "-f", os.path.join(LIB, "objects.mk"), "-C", self.out,
                         "srctree=" + self.tree, "objtree=" + self.out, "dir=" + (folder or "."),
                         "ARCH=" + self.arch, "SRCARCH=" + self.srcarch(), "CC=true"])
            line = re.search(r"^objects:(.*)$", res.stdout, re.M)
            if res.returncode or not line:
                raise c.Broken("cannot read the Makefile of %s: %s" % (folder, res.stderr.strip()[-400:]))
            self.lists[folder] = set(os.path.normpath(w) + "/" * w.endswith("/") for w in line.group(1).split())
        return self.lists[folder]

    def srcarch(self):
        return {"i386": "x86", "x86_64": "x86", "sparc64": "sparc"}.get(self.arch, self.arch)

    def has_makefile(self, folder):
        return any(os.path.isfile(os.path.join(self.tree, folder, n)) for n in ("Kbuild", "Makefile"))

    def enabled(self, name):
        """True when the object (or folder with a trailing slash) is part of this configuration."""
        if name.startswith("arch/"):
            return name.startswith("arch/%s/" % self.srcarch())
        folder = os.path.dirname(name.rstrip("/"))
        while True:
            if self.has_makefile(folder):
                rel = os.path.relpath(name, folder or ".") + "/" * name.endswith("/")
                if rel in self.listed(folder):
                    return not folder or self.enabled(folder + "/")
            if not folder:
                return False
            folder = os.path.dirname(folder)

    def wanted(self):
        """Goals for make from FILES and HEADER_USERS; prints what this arch cannot judge."""
        gone, users = c.env_lines("GONE") if c.env("STATE", "") == "after" else [], c.env_lines("HEADER_USERS")
        files = [f for f in c.env_lines("FILES") + gone if not f.startswith(NOT_KERNEL)]
        # Some .S files are included like headers: those of linker scripts.
        headers = [f for f in files if f.endswith(".h") or f.endswith(".S") and "/include/" in f]
        sources = [f for f in files if f.endswith((".c", ".S")) and f not in headers]
        goals = set()
        for path in sources:
            # Of a source that is gone its folder is built: does its Makefile still ask for it?
            goal = os.path.dirname(path) + "/" if path in gone else path[:-2] + ".o"
            if self.enabled(goal):
                goals.add(goal)
            else:
                c.finding(path, 0, "hint", "not here: no object is built from it on %s" % self.label())
        used = set(u if u.endswith("/") else re.sub(r"\.[cS]$", ".o", u) for u in users)
        used = set(u for u in used if self.enabled(u)) if headers else set()
        for path in headers:
            if not used:
                c.finding(path, 0, "hint",
                          "not here: no object of header-users (topic.ini) is built on %s" % self.label())
        if not sources and not headers:
            c.finding("(patch)", 0, "hint", "touches nothing that is compiled")
        return sorted(goals | used)

    def label(self):
        return os.environ.get("ARCH_NAME", self.arch)

    def remove(self, goals):
        """Delete the objects of the goals, so that make compiles them and warns again."""
        for goal in goals:
            full = os.path.join(self.out, goal)
            if goal.endswith("/"):
                for top, _, names in os.walk(full):
                    for name in names:
                        if name.endswith(".o"):
                            os.unlink(os.path.join(top, name))
            elif os.path.exists(full):
                os.unlink(full)

    def relative(self, path):
        """PATH as make printed it, relative to the tree (or to the build folder)."""
        full = os.path.normpath(os.path.join(self.out, path))
        for base in (self.out, self.tree):
            if full.startswith(base + os.sep):
                return full[len(base) + 1:]
        return path
