# SPDX-License-Identifier: GPL-2.0
"""Reads line counts out of a build folder with gcov."""
import json
import os
from pathlib import Path
import shutil
import subprocess

from stacklib.host import term

# Many objects in one call: starting gcov costs more than reading one.
_BATCH = 40


def _objects(build, files):
    """The .gcno files of @build that can know a line of @files: a C file's own, for a header those of all objects."""
    every = sorted(Path(build).rglob("*.gcno"))
    if any(name.endswith(".h") for name in files):
        return every
    wanted = {str(Path(name).with_suffix(".gcno")) for name in files}
    return [path for path in every if str(path.relative_to(build)) in wanted]


def _run(build, objects, env):
    """Yield gcov's JSON document for each of @objects."""
    gcov = shutil.which("gcov", path=env.get("PATH"))
    if not gcov:
        raise term.StackError("gcov is not installed, it comes with gcc", mend="scripts/stack setup")
    for begin in range(0, len(objects), _BATCH):
        batch = [str(path) for path in objects[begin:begin + _BATCH]]
        done = subprocess.run([gcov, "--json-format", "--stdout", *batch], cwd=build, env=env,
                              capture_output=True, text=True, check=False)
        texts = [line for line in done.stdout.splitlines() if line.strip()]
        try:
            documents = [json.loads(text) for text in texts]
        except ValueError as err:
            raise term.StackError(f"gcov printed what is no JSON: {err}",
                                  mend=f"{gcov} --version (12 and later are known to work)") from err
        if done.returncode or not documents:
            raise term.StackError(f"gcov failed: {done.stderr.strip()[-300:]}",
                                  mend=f"cd {build} && {gcov} --json-format --stdout {batch[0]}")
        yield from documents


def counts(build, source, files, env):
    """How often each line of @files, names in the kernel tree @source, ran in what was built in @build.

    Returns a dict from file name to dict of line number -> count. A file that no object holds is not in it. Raises
    term.StackError when there is no gcov, when it fails, and when the kernel wrote no counts at all: zero is a
    measurement, nothing is not.
    """
    build, source = os.path.realpath(build), os.path.realpath(source)
    if not any(Path(build).rglob("*.gcda")):
        raise term.StackError(f"the kernel wrote no line counts (.gcda) into {build}",
                              mend="look whether out/kunit/coverage/test.log ends in a halt")
    wanted, found = set(files), {}
    for document in _run(build, _objects(build, files), env):
        for item in document["files"]:
            name = os.path.relpath(os.path.join(build, item["file"]), source)
            if name not in wanted:
                continue
            lines = found.setdefault(name, {})
            for line in item["lines"]:
                lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
    return found
