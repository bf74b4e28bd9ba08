#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Who disables SR-IOV, from where: audit.py TREE

Prints, for each driver of a kernel tree that calls pci_disable_sriov(), the functions from which a call can be reached
within the driver and that nobody there calls by name: its callbacks, and how they are named (work, thread, pci_driver,
attribute ...). The NOTES beside this have the verdicts. It reads text and knows no types: macros that paste names, and
pointers that are set elsewhere, are not followed.
"""
import re
import subprocess
import sys
from pathlib import Path

TARGET = "pci_disable_sriov"
HEAD = re.compile(r"^[A-Za-z_][^;={}]*?\b(\w+)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
# how a function is named where it is not called; {} is its name
HOW = (("work", r"INIT_(?:DELAYED_)?WORK\w*\([^;{{}}]*\b{}\b"), ("thread", r"kthread_\w+\(\s*{}\b"),
       ("timer", r"timer_setup\([^;{{}}]*\b{}\b"), ("irq", r"request_\w*irq\([^;{{}}]*\b{}\b"),
       ("attribute", r"_ATTR\w*\([^;{{}}]*\b{}\b"), ("module", r"module_(?:init|exit)\(\s*{}\b"),
       ("export", r"EXPORT_SYMBOL\w*\(\s*{}\b"), ("field", r"\.(\w+)\s*=\s*&?{}\b"),
       ("assigned", r"\w\s*=\s*&?{}\s*;"))
# a task of the driver's own, which its .remove() may wait for
OWN = ("work", "thread", "timer", "irq")


def root(path):
    """The folder of a driver: of ethernet and crypto two levels below the class, else that of the file."""
    parts = path.parts
    for depth, prefix in ((5, ("drivers", "net", "ethernet")), (4, ("drivers", "crypto")), (4, ("drivers", "accel"))):
        if parts[:len(prefix)] == prefix:
            return Path(*parts[:min(depth, len(parts) - 1)])
    return path.parent


def functions(text):
    """Yield (name, body) of the functions in a file that is laid out as the kernel's are."""
    name, head, body = None, "", None
    for line in text.splitlines():
        if body is not None:
            if line.startswith("}"):
                yield name, "\n".join(body)
                head, body = "", None
            else:
                body.append(line)
        elif line.startswith("{") and HEAD.match(head):
            name, body = HEAD.match(head).group(1), []
        elif re.match(r"[A-Za-z_]", line) and not line.rstrip().endswith(";"):
            head = line if not re.match(r"\w+\(", line) else head + " " + line
            if line.rstrip().endswith("{") and HEAD.match(head):
                name, body = HEAD.match(head).group(1), []
        elif line.startswith((" ", "\t")):
            head += " " + line.strip()
        else:
            head = ""


def graph(folder):
    """Return (text of a folder without comments, {function: set of functions named in it})."""
    texts, words = [], {}
    for path in sorted(folder.rglob("*.[ch]")):
        text = COMMENT.sub("", path.read_text(encoding="utf-8", errors="replace"))
        texts.append(text)
        for name, body in functions(text):
            words.setdefault(name, set()).update(re.findall(r"\b(\w+)\s*\(", body))
    return "\n".join(texts), words


def entries(text, words):
    """Yield (function, how it is named, way to the target) of what nobody in the driver calls."""
    ways, todo = {TARGET: ()}, [TARGET]
    while todo:
        name = todo.pop(0)
        for caller in sorted(one for one, called in words.items() if name in called and one not in ways):
            ways[caller] = (name, *ways[name])
            todo.append(caller)
    for name in sorted(set(ways) - {TARGET}):
        how = []
        for kind, form in HOW:
            for match in re.finditer(form.format(name), text):
                how.append(f".{match.group(1)}" if kind == "field" else kind)
        if how or not any(name in called for called in words.values()):
            yield name, sorted(set(how)) or ["?"], ways[name]


def main():
    """Command line."""
    tree = Path(sys.argv[1])
    found = subprocess.run(["grep", "-rlwF", "--include=*.c", TARGET, "drivers", "arch"], cwd=tree, check=True,
                           text=True, stdout=subprocess.PIPE).stdout
    users = [path for path in map(Path, found.split()) if path.parts[1] != "pci"]
    for folder in sorted({root(path) for path in users}):
        text, words = graph(tree / folder)
        print(folder)
        for name, how, way in entries(text, words):
            mark = "!" if set(how) & set(OWN) else " "
            print(f"  {mark} {name} ({', '.join(how)})" + (f" > {' > '.join(way[:-1])}" if len(way) > 1 else ""))


if __name__ == "__main__":
    main()
