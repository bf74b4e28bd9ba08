# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# What scenarios say, for the shell of the guest: the ways in which a PF and its VFs come and go. DRIVER and
# VFS come from the file machines.
: "${PORT:=0000:00:04.0}" "${PF:=0000:01:00.0}"
pci=/sys/bus/pci

# write VALUE FILE: its status is that of write(2)
write() { { echo "$1" >"$2"; } 2>/dev/null; }
# must COMMAND...: that it fails is what is told of the run
must() { "$@" || tell "fail $*"; }
numvfs() { write "$1" $pci/devices/$PF/sriov_numvfs; }
unbind() { write $PF $pci/drivers/$DRIVER/unbind; }
bind() { write $PF $pci/drivers/$DRIVER/bind; }
remove() { write 1 $pci/devices/$PF/remove; }
remove_port() { write 1 $pci/devices/$PORT/remove; }
rescan() { write 1 $pci/rescan; }
reset() { write 1 $pci/devices/$PF/reset; }
reset_port() { write 1 $pci/devices/$PORT/reset_subordinate; }
reset_vf() { write 1 "$(vf 0)/reset"; }
power() { write "$1" "$(slot)/power"; }
unplug() { host del; }
# the modules that those of the scenarios need
for one in i2c-core i2c-algo-bit igbvf; do
	[ ! -e /modules/$one.ko ] || insmod /modules/$one.ko
done
unload() { rmmod $DRIVER; }
load() { insmod /modules/igb.ko; }

# the slot of the port, of either hotplug driver
slot() { for one in "$pci"/slots/*; do
	[ "$(cat "$one/address")" = "${PF%.*}" ] && echo "$one"
done; }
vf() { readlink -f $pci/devices/$PF/virtfn"$1"; }
# VFs that are there, whether or not their PF is
vfs() { set -- $pci/devices/"${PF%:*}":*; [ -e "$1" ] || set --
	count=0
	for one in "$@"; do [ "${one##*/}" = "$PF" ] || count=$((count + 1)); done
	echo $count
}
# until SECONDS COMMAND...: wait until the command is true
until_true() { end=$(($(now) + $1)); shift
	while ! "$@"; do [ "$(now)" -lt $end ] || return 1; usleep 50000; done
}
present() { [ -e $pci/devices/$PF ]; }
absent() { ! present; }
bound() { [ "$(basename "$(readlink $pci/devices/$PF/driver)")" = $DRIVER ]; }
free() { [ ! -e $pci/devices/$PF/driver ]; }

# slot power off and, with the card back in it, on
power_cycle() { power 0; until_true 20 absent; host add; until_true 5 present || power 1; until_true 30 present; }
unplug_cycle() { unplug; until_true 20 absent; host add; until_true 30 present; }
remove_cycle() { remove; rescan; }
remove_port_cycle() { remove_port; rescan; }
bind_cycle() { unbind; bind_pf; }
load_cycle() { unload; load; }
numvfs_cycle() { numvfs "$VFS"; numvfs 0; }

bind_pf() {
	if [ $DRIVER = vfio-pci ]; then
		write vfio-pci $pci/devices/$PF/driver_override
		bound || write $PF $pci/devices/$PF/driver/unbind
		write $PF $pci/drivers_probe
	else
		bind
	fi
}

# The PF is there and has its driver and no VF.
fresh() {
	if [ $DRIVER = igb ] && [ ! -d /sys/module/igb ]; then load || return 1; fi
	[ -e $pci/devices/$PORT ] || rescan
	if ! present; then
		host add
		until_true 8 present || power 1
		until_true 5 present || rescan
		until_true 30 present || { tell "no PF"; return 1; }
	fi
	until_true 2 bound || bind_pf
	until_true 30 bound || { tell "no driver"; return 1; }
	[ "$(cat $pci/devices/$PF/sriov_numvfs)" = 0 ] || numvfs 0
	until_true 10 no_vfs || { tell "VFs stay"; return 1; }
}
no_vfs() { [ "$(vfs)" = 0 ]; }

# begin STATE: fresh, with all its VFs (vfs), without its driver (unbound), not there (gone)
begin() {
	fresh || return 1
	case $1 in
	fresh) ;;
	vfs) numvfs "$VFS" && [ "$(vfs)" = "$VFS" ];;
	unbound) unbind && free;;
	gone) remove && absent;;
	*) tell "no state $1"; return 1;;
	esac
}

# Says how many VFs are there that should not be.
left() {
	want=0
	present && want=$(cat $pci/devices/$PF/sriov_numvfs)
	tell "left $(($(vfs) - want))"
}

# Whether all can be used again: VFs come and go, and what the driver does is done.
again() {
	if ! begin vfs; then tell "no VFs"; return 1; fi
	if ! numvfs 0 || ! no_vfs; then tell "VFs do not go"; return 1; fi
	[ $DRIVER != nvme ] || io_pf
}

disk_of() { for one in /sys/block/nvme*; do
	case $(readlink -f "$one/device/device" 2>/dev/null) in */"$1") echo "/dev/${one##*/}"; return;; esac
	case $(readlink -f "$one") in */"$1"/*) echo "/dev/${one##*/}"; return;; esac
done; return 1; }
# io DISK: write, read back without the cache, compare
io() {
	dd if=/dev/urandom of=/tmp/pattern bs=64k count=16 2>/dev/null
	dd if=/tmp/pattern of="$1" bs=64k oflag=direct 2>/dev/null || { tell "$1: cannot be written"; return 1; }
	sum=$(dd if="$1" bs=64k count=16 iflag=direct 2>/dev/null | sha256sum)
	[ "$sum" = "$(sha256sum </tmp/pattern)" ] || { tell "$1: other data"; return 1; }
	tell "$1: 1 MiB written and read back"
}
io_pf() { until_true 20 disk_of $PF >/dev/null && io "$(disk_of $PF)"; }
# io_vf: have the first VF of an nvme go online, use it, and take it away
io_vf() {
	ctrl=/dev/$(ls $pci/devices/$PF/nvme) || return 1
	vfuser release "$ctrl" && reset && until_true 20 disk_of $PF >/dev/null || return 1
	write 0 $pci/devices/$PF/sriov_drivers_autoprobe
	numvfs 1 && vfuser online "$ctrl" || return 1
	bdf=$(basename "$(vf 0)")
	write nvme "$(vf 0)/driver_override" && write "$bdf" $pci/drivers_probe || return 1
	until_true 30 disk_of "$bdf" >/dev/null || { tell "no disk of the VF"; return 1; }
	io "$(disk_of "$bdf")" && io_pf
	status=$?
	numvfs 0
	write 1 $pci/devices/$PF/sriov_drivers_autoprobe
	return $status
}
# hold SECONDS: a user of vfio-pci has the first VF open
hold() {
	bdf=$(basename "$(vf 0)")
	write vfio-pci "$(vf 0)/driver_override"
	write "$bdf" "$(vf 0)/driver/unbind"
	write "$bdf" $pci/drivers_probe
	tell "$(vfuser hold "$bdf" "$1" 2>&1)"
}
# the program of selftests/vfio, against a device without TPH: all is skipped or passes
tph() {
	vfio_pci_tph_test $PF >/tmp/tph 2>&1
	status=$?
	cat /tmp/tph >/dev/console
	tell "$(grep "^# Totals" /tmp/tph)"
	[ $status = 0 ] || [ $status = 4 ]
}
