# SPDX-License-Identifier: GPL-2.0
"""What a topic.ini may name in `arches`: an architecture, or ARCH+FLAVOUR, the same with a fragment of Kconfig."""
from typing import Dict, Optional

from stacklib.host import env

# ARCH of the kernel: CROSS_COMPILE, "" for the compiler of this machine
CROSS = {"um": "", "x86_64": "", "arm64": "aarch64-linux-gnu-", "i386": "i686-linux-gnu-",
         "s390": "s390x-linux-gnu-", "powerpc": "powerpc64le-linux-gnu-", "sparc64": "sparc64-linux-gnu-"}
FLAVOURS = env.SCRIPTS / "checks" / "lib" / "flavours"


def environment(name: str) -> Dict[str, str]:
    """Return what a check gets for an architecture: ARCH, CROSS_COMPILE, FLAVOUR ("": none), ARCH_NAME (its name)."""
    arch, _, flavour = name.partition("+")
    return {"ARCH": arch, "CROSS_COMPILE": CROSS.get(arch, ""), "FLAVOUR": flavour, "ARCH_NAME": name}


def unknown(name: str) -> Optional[str]:
    """Return what is wrong with a name, None when it can be built."""
    arch, plus, flavour = name.partition("+")
    if arch not in CROSS:
        return f"unknown arch '{arch}' (known: {' '.join(sorted(CROSS))})"
    known = sorted(path.stem for path in FLAVOURS.glob("*.config"))
    return f"unknown flavour '{flavour}' (known: {' '.join(known)})" if plus and flavour not in known else None
