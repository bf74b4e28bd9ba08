# SPDX-License-Identifier: GPL-2.0
"""The order of the tool's own code: linters, who may import whom, one place for one thing."""
import ast
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402

SCRIPTS = ministack.LIB.parent
PACKAGE = SCRIPTS / "stacklib"
CONFIG = f"--config={SCRIPTS / 'setup.cfg'}"
# The rooms, each of which may use those of the lines below its own (and itself), and the modules at the top.
ORDER = [["__main__"], ["cli"], ["verbs"], ["mail", "checking"], ["options"], ["suites"], ["linux"], ["stack"],
         ["host"]]
LEVEL = {name: number for number, names in enumerate(ORDER) for name in names}


def modules():
    """Yield (Path, the room or top module that it belongs to, its syntax tree) of every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.parent.name if path.parent != PACKAGE else path.stem
        if room != "__init__":
            yield path, room, ast.parse(path.read_text(encoding="utf-8"))


def run(*words):
    """Run a linter on the package; return (exit status, what it said)."""
    proc = subprocess.run(words, cwd=SCRIPTS, env=ministack.environment(), capture_output=True, text=True, check=False)
    return proc.returncode, proc.stdout + proc.stderr


class Linters(unittest.TestCase):
    """flake8 and mypy, of the distribution."""

    def test_flake8(self):
        checks = [p for p in (SCRIPTS / "checks").iterdir() if p.is_file() and b"python" in p.read_bytes()[:40]]
        self.assertTrue(checks)
        programs = ["bench", "e2e", "pairs", *map(str, checks)]
        self.assertEqual(run("flake8", CONFIG, "stacklib", "tests", "checks/lib", *programs), (0, ""))

    def test_mypy(self):
        status, said = run("mypy", f"--config-file={SCRIPTS / 'setup.cfg'}", "-p", "stacklib")
        self.assertEqual(status, 0, said)
        self.assertIn("Success: no issues found in ", said)


class House(unittest.TestCase):
    """Rooms and arrows."""

    def test_every_import_goes_down(self):
        up = []
        for path, room, top in modules():
            for node in ast.walk(top):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stacklib":
                    inner = node.module.split(".")[1:2] or [alias.name for alias in node.names]
                    up += [f"{path.name}: {room} imports {other}" for other in inner
                           if other != room and LEVEL[other] <= LEVEL[room]]
        self.assertEqual(up, [])

    def test_no_room_is_crowded(self):
        for folder in {path.parent for path, _, _ in modules()}:
            self.assertLessEqual(len([p for p in folder.glob("*.py") if p.name != "__init__.py"]), 16, folder)

    def test_one_place_for_environment_arguments_and_output(self):
        for path, _, _ in modules():
            text, name = path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).as_posix()
            with self.subTest(name):
                self.assertEqual(name == "host/env.py", bool(re.search(r"\bos\.(environ|getenv|putenv)", text)))
                self.assertEqual(re.findall(r"\bsys\.std(?:out|err)\s*=[^=].*|\bNamespace\(.*", text), [])
                self.assertEqual(name == "cli.py", ".parse_args(" in text)

    def test_each_verb_is_a_module_of_its_name(self):
        from stacklib import options
        names = {path.stem for path, room, _ in modules() if room == "verbs" and path.stem != "__init__"}
        self.assertEqual({verb.replace("-", "_") for verb in options.VERBS}, names)

    def test_options_are_frozen_and_in_one_module(self):
        from stacklib import options
        for verb, kind in options.VERBS.items():
            self.assertTrue(kind.__dataclass_params__.frozen, verb)

    def test_strings_are_formatted_one_way(self):
        """f-strings; a template of several lines, or of bytes, may use %."""
        old = [f"{path.name}:{node.lineno}" for path, _, top in modules() for node in ast.walk(top)
               if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)
               and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)]
        self.assertLessEqual(len(old), 36, old)

    def test_type_hints_become_more(self):
        """A public function has type hints, which mypy then judges; those that have none yet only become fewer."""
        bare = [f"{path.name}:{node.lineno}: {node.name}" for path, _, top in modules() for node in ast.walk(top)
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.returns is None
                and not any(arg.annotation for arg in node.args.args + node.args.kwonlyargs)]
        self.assertLessEqual(len(bare), 159, bare)


if __name__ == "__main__":
    unittest.main()
