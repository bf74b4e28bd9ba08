# SPDX-License-Identifier: GPL-2.0
"""KUnit configurations that do not run on UML, and which suites run in which configuration.

The head of scripts/kunit/NAME.config may say
  # arch: x86_64      build for it, and boot in qemu on the machine that NAME.py describes
  # suites: named     run the suites alone that a section [configs] names this configuration for
"""
import os
from pathlib import Path
import re

from stacklib.host import term

# What the last line of a kernel that came to its end has in it.
_ENDS = {"": "System halted", "x86_64": "reboot: Restarting system"}
_TOOLS = {"": [], "x86_64": ["qemu-system-x86_64"]}
# The symbols that suites ask for on UML, and that the architecture does not have.
_LACKS = {"": (), "x86_64": ("KUNIT_UML_PCI",)}


def check(config) -> None:
    """StackError when @config asks for an architecture that nobody knows."""
    if config.arch not in _ENDS:
        raise term.StackError(f"{config.path}: unknown arch '{config.arch}'",
                              mend="one of " + ", ".join(sorted(_ENDS)[1:]))


def tools(config):
    """The tools (see tools.TOOLS) that booting @config needs and UML does not."""
    return _TOOLS[config.arch]


def options(config) -> list:
    """What kunit.py is told to build and boot for the architecture."""
    if not config.arch:
        return []
    return [f"--arch={config.arch}", f"--qemu_config={config.path.with_suffix('.py')}"]


def fragments(config, folder: Path, paths):
    """The .kunitconfig files @paths as @config can have them.

    kunit.py refuses a symbol that the architecture lacks. A file with such a line
    is copied below the build folder @folder without it.
    """
    lacks = _LACKS[config.arch]
    if not lacks:
        return list(paths)
    line = re.compile(f"^CONFIG_({'|'.join(lacks)})=.*\n?", re.MULTILINE)
    adapted = []
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        if line.search(text):
            path = Path(folder) / "kunitconfig" / path.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(line.sub("", text), encoding="utf-8")
        adapted.append(path)
    return adapted


def boot_options(config, folder: Path) -> list:
    """What kunit.py is told when it boots a kernel from the build folder @folder."""
    # The console socket of UML would go to ~/.uml.
    return [] if config.arch else [f"--kernel_args=uml_dir={folder}/uml/"]


def environment(config, env) -> dict:
    """@env, in which the programs beside the configuration are found first."""
    if not config.arch:
        return env
    path = f"{config.path.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    return dict(env, PATH=path)


def ended(config, text: str) -> bool:
    """Whether the console @text is that of a kernel that came to its end."""
    return _ENDS[config.arch] in text


def suites(config, names, configs) -> list:
    """Those of the suites names that run in config; configs: as series.suite_configs() gives it."""
    found = []
    for name in names:
        words = configs.get(name, ())
        alone = [word for word in words if word[0] not in "+-"]
        if config.named:
            runs = config.name in words or "+" + config.name in words
        else:
            runs = config.name in alone if alone else "-" + config.name not in words
        found += [name] if runs else []
    return found
