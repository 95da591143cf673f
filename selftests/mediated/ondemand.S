/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest of the tests of pins on demand: a boot sector that does what it is
 * told, a key at a time, on the first serial port.
 *
 *	0 1	from now on, use the first or the second device
 *	p	pin another page
 *	u	unpin the last one
 *	c	have the device copy a word inside the last pinned page
 *	n	the same in the next page, which is not pinned
 *	r	reboot
 *
 * It answers, with four hexadecimal digits for each,
 *
 *	L2: up				at the start
 *	L2: KEY PAGE STATUS COUNT WORD
 *
 * PAGE is the page's number, STATUS the device's answer (an errno), COUNT how
 * many pages it has pinned, and WORD what is where it copies to. The word that it
 * copies is the page's number, and 0 was there before. Pages are pinned in order,
 * from FIRST on; a second device pins the same ones.
 */
#include "ondemand.h"

#define FIRST		0x20	/* far from this program and from the BIOS's memory */

#define COM1		0x3f8
#define COM1_STATUS	(COM1 + 5)
#define READABLE	0x01
#define WRITABLE	0x20

#define PCI_FIND	0xb102
#define PCI_READ_WORD	0xb109
#define PCI_BAR0	0x10

	.code16
	.globl start
	.text
start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $start, %sp
	sti
	xorw %si, %si
	call find
	movw $up, %si
	call say

again:
	call key
	cmpb $'0', %al
	je select
	cmpb $'1', %al
	je select
	cmpb $'r', %al
	je reboot

	/* %cx: the page of the command, %bx: the command */
	call count
	movw $FIRST, %cx
	addw %ax, %cx
	movw $ONDEMAND_PIN, %bx
	movb letter, %al
	cmpb $'p', %al
	je order
	movw $ONDEMAND_COPY, %bx
	cmpb $'n', %al
	je order
	decw %cx
	cmpb $'c', %al
	je order
	movw $ONDEMAND_UNPIN, %bx
	cmpb $'u', %al
	jne again

	/* Through %gs, the page: its number, and 0 where that may be copied to. */
order:
	movw %cx, %ax
	shlw $8, %ax
	movw %ax, %gs
	movw %cx, %gs:0
	movw $0, %gs:2

	movzwl %cx, %eax
	movw ports, %dx
	outl %eax, %dx
	movw %bx, %ax
	addw $ONDEMAND_COMMAND, %dx
	outw %ax, %dx
	jmp answer

select:
	subb $'0', %al
	movzbw %al, %si
	call find
	movw $FIRST, %cx
	movw $(FIRST << 8), %ax
	movw %ax, %gs

answer:
	movw $prefix, %si
	call say
	movw %cx, %ax
	call hex
	movw ports, %dx
	addw $ONDEMAND_STATUS, %dx
	inw %dx, %ax
	call hex
	call count
	call hex
	movw %gs:2, %ax
	call hex
	movw $newline, %si
	call say
	jmp again

reboot:
	movw $0xcf9, %dx
	movb $0x06, %al
	outb %al, %dx
stop:
	hlt
	jmp stop

/* find: the ports of device number %si */
find:
	movw $PCI_FIND, %ax
	movw $ONDEMAND_VENDOR, %dx
	movw $ONDEMAND_DEVICE, %cx
	int $0x1a
	jc none
	movw $PCI_READ_WORD, %ax
	movw $PCI_BAR0, %di
	int $0x1a
	andw $~(ONDEMAND_PORTS - 1), %cx
	movw %cx, ports
	ret
none:
	movw $no_device, %si
	call say
	jmp stop

/* count: of pinned pages, in %ax */
count:
	movw ports, %dx
	addw $ONDEMAND_COUNT, %dx
	inw %dx, %ax
	ret

/* key: waits for one, without keeping the CPU busy; in %al and in letter */
key:
	hlt
	movw $COM1_STATUS, %dx
	inb %dx, %al
	testb $READABLE, %al
	jz key
	movw $COM1, %dx
	inb %dx, %al
	movb %al, letter
	ret

/* hex: a space and %ax */
hex:
	pushw %cx
	movw %ax, %bx
	movb $' ', %al
	call put
	movw $4, %cx
digit:
	rolw $4, %bx
	movb %bl, %al
	andb $0xf, %al
	cmpb $10, %al
	sbbb $0x69, %al
	das
	orb $0x20, %al
	call put
	loop digit
	popw %cx
	ret

/* say: the text at %si, which ends in 0 */
say:
	lodsb
	testb %al, %al
	jz said
	call put
	jmp say
said:
	ret

/* put: %al */
put:
	pushw %ax
	movw $COM1_STATUS, %dx
full:
	inb %dx, %al
	testb $WRITABLE, %al
	jz full
	popw %ax
	movw $COM1, %dx
	outb %al, %dx
	ret

up:	.asciz "L2: up\n"
no_device: .asciz "L2: failed: no such device\n"
prefix:	.ascii "L2: "
letter:	.asciz "?"
newline: .asciz "\n"
ports:	.word 0

	.org 510
	.word 0xaa55
