// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why does L1 seldom patch its code while guests come and go? Because of this: it keeps
 * a guest of its own, which never runs, until it is killed.
 *
 * KVM switches code on with its first guest and off with its last, in the scheduler
 * (preempt notifiers) and for APICs that are disabled, as each is at its start. Under
 * TCG a kernel that patches itself on two CPUs now and then dies of the breakpoint that
 * it does it with, see tools/vm/run.sh. With a guest that is always there, whose APIC is
 * disabled in both ways, nothing is switched.
 *
 * Use:	kvm-keep	closes its stdout when it has the guest
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define APIC_BASE_ENABLE	(1ULL << 11)

int main(void)
{
	struct kvm_sregs sregs;
	int kvm, vm, vcpu;

	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		err(1, "/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0UL))
		err(1, "a guest");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
	if (vcpu < 0 || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		err(1, "its CPU");
	sregs.apic_base &= ~APIC_BASE_ENABLE;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs))
		err(1, "its APIC");
	close(STDOUT_FILENO);
	pause();
	return 0;
}
