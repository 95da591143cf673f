# SPDX-License-Identifier: GPL-2.0-only
#
# Every target is a script that also runs by itself. Variables: KDIR, KSRC, V, W, JOBS.

KDIR ?= $(KERNELDIR)
export KDIR KSRC V W JOBS INSTALL_MOD_PATH
export DOMAIN BACKEND POLICY QEMU QEMU_VERSION HOST BDF RESETS

Q := $(if $(filter 1,$(V)),,@)

help:
	@echo 'Start with:  make demo'
	@echo
	@echo '  demo               a VM with an assigned device on the rewritten path, from nothing'
	@echo '  check              build for both kernels, style, and all tests in VMs'
	@echo '  check-debug        the tests on a kernel with KASAN, lockdep, kmemleak and the like'
	@echo '  soak               the races of make check for hours; RACES= SECONDS= KERNEL= SEED='
	@echo '  coverage           what of our kernel code the tests run, by line and branch, and why not the rest'
	@echo '  fuzz               ioctls with any arguments, guided by what of the modules they reach,'
	@echo '                     for ten minutes; SECONDS= SEED='
	@echo '  vmstart            libvirt domains with assigned devices, against what is predicted;'
	@echo '                     DOMAIN= BACKEND= POLICY= QEMU= HOST=local BDF=: vmstart-help'
	@echo '  lifecycle          what libvirt does to a guest that runs: resets, hot-plug; BACKEND='
	@echo '  outsiders          other people'\''s memory tests, while guests with devices run: stock and ours'
	@echo '  check-style        only sparse, checkpatch and shellcheck on our files'
	@echo '  bench              what mapping costs on stock modules, on ours, and at least; plots'
	@echo '  scale              how that grows: 10000 mappings, 1000 containers, TiBs apart; plots'
	@echo '  vm                 a shell in the machine with the emulated IOMMU'
	@echo '  tools              build/tools/pinacct: who has pinned what, and what a VM takes'
	@echo '  modules            build/modules/RELEASE/*.ko for the kernel of KDIR and KSRC'
	@echo '  stock              build/stock/RELEASE/*.ko: the same modules, unmodified'
	@echo '  modules_install    into /lib/modules/RELEASE/updates (the old ones stay beside)'
	@echo '  modules_uninstall  back to the modules that came with the kernel'
	@echo '  deb                build/deb/*.deb: packages, the modules by DKMS'
	@echo '  check-deb          install them on Debian 12 and 13, boot, and remove them again'
	@echo '  kernel             the small test kernel; prints where it is'
	@echo '  qemu               QEMU with the patches of qemu-patches/; prints where it is'
	@echo '  check-qtest        QEMU'\''s own tests with the patches and without (ten minutes)'
	@echo '  series             build/series/: the change to KSRC as patches, for reading'
	@echo '  clean              remove build/; what was downloaded stays in the cache'
	@echo
	@echo 'KDIR=   what modules are built against, as /lib/modules/RELEASE/build'
	@echo 'KSRC=   the source of the same kernel (both default to Debian 6.12)'
	@echo 'V=1     show commands        W=1e    warnings are errors        JOBS=n'

modules:
	$(Q)scripts/build-modules.sh ours

stock:
	$(Q)scripts/build-modules.sh stock

modules_install: modules
	$(Q)scripts/install-modules.sh install

modules_uninstall:
	$(Q)scripts/install-modules.sh uninstall

deb:
	$(Q)scripts/deb.sh

kernel:
	$(Q)scripts/test-kernel.sh $(KSRC)

qemu:
	$(Q)scripts/qemu.sh

check-qtest:
	$(Q)scripts/qemu.sh --qtest

series:
	$(Q)scripts/series.sh

check-style:
	$(Q)scripts/check-style.sh

check:
	$(Q)selftests/check.sh

check-debug:
	$(Q)selftests/check-debug.sh

soak:
	$(Q)env -u SECONDS selftests/soak.sh $(SECONDS:%=--seconds %)

coverage:
	$(Q)selftests/check-coverage.sh

fuzz:
	$(Q)selftests/fuzz/fuzz.sh $(SECONDS:%=--seconds %) $(SEED:%=--seed %)

outsiders:
	$(Q)selftests/outsiders/outsiders.sh

vm:
	$(Q)tools/vm/run.sh --shell

demo:
	$(Q)tools/demo/demo.sh

vmstart:
	$(Q)selftests/vmstart/run.sh

lifecycle:
	$(Q)selftests/vmstart/lifecycle.sh

vmstart-help:
	$(Q)selftests/vmstart/run.sh --help

check-deb:
	$(Q)selftests/package.sh

bench:
	$(Q)tools/bench/bench.sh

scale:
	$(Q)tools/bench/scale/scale.sh

tools:
	$(Q)tools/pinacct/build.sh

clean:
	$(Q)rm -rf build

.PHONY: help modules stock modules_install modules_uninstall deb kernel qemu series \
	check-style check check-debug check-deb check-qtest coverage fuzz outsiders soak \
	bench scale vm vmstart vmstart-help lifecycle demo tools clean
