# SPDX-License-Identifier: GPL-2.0
# What one folder of the kernel builds in one configuration.
#   make -s -f objects.mk srctree=TREE objtree=BUILD dir=drivers/pci
# prints the objects (and folders with a trailing slash) that the folder's Makefile lists for
# built-in or module.  make itself evaluates the Makefile: nothing here guesses at its syntax.
# Why: `make some/file.o` compiles the file even when its symbol is off, and then reports
# errors that nobody can ever see.
include $(objtree)/include/config/auto.conf
src := $(srctree)/$(dir)
obj := $(dir)
include $(srctree)/scripts/Kbuild.include
include $(firstword $(wildcard $(src)/Kbuild $(src)/Makefile))
listed := $(obj-y) $(obj-m) $(lib-y) $(lib-m) $(subdir-y:=/) $(subdir-m:=/)
parts := $(foreach m,$(filter %.o,$(listed)),$($(m:.o=-objs)) $($(m:.o=-y)) $($(m:.o=-m)))
.PHONY: print-objects
.DEFAULT_GOAL := print-objects
print-objects:
	@echo 'objects: $(sort $(patsubst %/Makefile,%/,$(listed) $(parts)))'
