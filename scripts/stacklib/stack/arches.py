# SPDX-License-Identifier: GPL-2.0
"""The architectures that a topic.ini may name: which compiler builds them."""

# ARCH of the kernel: CROSS_COMPILE, "" for the compiler of this machine
CROSS = {"um": "", "x86_64": "", "arm64": "aarch64-linux-gnu-", "i386": "i686-linux-gnu-",
         "s390": "s390x-linux-gnu-", "powerpc": "powerpc64le-linux-gnu-", "sparc64": "sparc64-linux-gnu-"}
