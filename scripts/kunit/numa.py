# SPDX-License-Identifier: GPL-2.0
"""The machine of configuration numa, as the kernel's kunit.py takes it: two nodes.

Of three sockets the one in the middle is empty. So the second processor of the kernel
has 2 as its ACPI Processor UID, and there is one that could be plugged in.

kunit.py asks qemu for KVM first, and a /dev/kvm that hangs would hang the run, so
this is not qemu-system-x86_64 but the program beside this file, which takes TCG.
Of the memory, 256 MiB at 1 GiB are hidden from the kernel by mem= in numa.config;
the BIOS puts its tables at the end of the 64 MiB above them.

The kernel panics early when the timer does not tick for a moment, as happens in qemu
on a host that is busy: no_timer_check.
"""
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(
    linux_arch="x86_64",
    kconfig="""
CONFIG_SERIAL_8250=y
CONFIG_SERIAL_8250_CONSOLE=y""",
    qemu_arch="x86_64-tcg",
    kernel_path="arch/x86/boot/bzImage",
    kernel_command_line="console=ttyS0 tsc=unstable no_timer_check",
    extra_qemu_params=[
        "-m", "1344", "-smp", "1,sockets=3,maxcpus=3",
        "-device", "qemu64-x86_64-cpu,socket-id=2,core-id=0,thread-id=0",
        "-object", "memory-backend-ram,id=m0,size=512M",
        "-object", "memory-backend-ram,id=m1,size=832M",
        "-numa", "node,nodeid=0,cpus=0-1,memdev=m0",
        "-numa", "node,nodeid=1,cpus=2,memdev=m1"])
