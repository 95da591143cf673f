/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does the assigned disk reach the guest's memory? A boot sector that says so on
 * the first serial port, and needs a second where a Linux guest needs half a
 * minute:
 *
 *	L2: up
 *	L2: disk N SUM		for each further disk of the firmware, from 1: sum of
 *				the 32-bit little-endian words of its first 64 KiB,
 *				modulo 2^32, 8 hexadecimal digits; or "failed"
 *	L2: done
 *
 * The firmware's own driver reads the disk, by DMA into the buffer, which is
 * cleared first. It fits in front of a partition table, at 446.
 */
	.set	SERIAL, 0x3f8
	.set	SERIAL_STATUS, SERIAL + 5
	.set	SERIAL_ROOM, 0x20
	.set	DISKS, 0x475		/* the firmware's count of hard disks */
	.set	FIRST_DISK, 0x80
	.set	READ, 0x42		/* int 0x13: read by logical block */
	.set	BUFFER, 0x1000		/* a segment, at 64 KiB */
	.set	SECTORS, 64		/* at a time: no firmware refuses that */
	.set	ESP_SECTOR, 64
	.set	ESP_SECTORS, 2048

	.code16
	.globl	start
start:
	ljmp	$0, $flat
flat:
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$start, %sp
	sti
	cld

	mov	$up, %si
	call	print
	mov	$1, %bl
next_disk:
	cmp	DISKS, %bl
	jae	end
	mov	$disk, %si
	call	print
	movzx	%bl, %eax
	mov	$1, %cx
	call	print_hex
	mov	$' ', %al
	call	putc
	call	sum_disk
	jc	no_disk
	mov	%ebp, %eax
	mov	$8, %cx
	call	print_hex
	mov	$newline, %si
	jmp	disk_done
no_disk:
	mov	$failed, %si
disk_done:
	call	print
	inc	%bl
	jmp	next_disk
end:
	mov	$done, %si
	call	print
halt:
	cli
	hlt
	jmp	halt

/* %ebp = sum of the first 64 KiB of disk %bl; carry if it cannot be read */
sum_disk:
	xor	%ebp, %ebp
	movw	$0, lba
one_read:
	mov	$BUFFER, %ax
	mov	%ax, %es
	xor	%di, %di
	mov	$SECTORS * 128, %cx
	xor	%eax, %eax
	rep stosl
	movw	$SECTORS, count
	mov	$READ, %ah
	lea	FIRST_DISK(%bx), %dx
	mov	$packet, %si
	push	%bx
	push	%ebp
	int	$0x13
	pop	%ebp
	pop	%bx
	jc	out
	mov	$BUFFER, %ax
	mov	%ax, %es
	xor	%di, %di
	mov	$SECTORS * 128, %cx
one_word:
	add	%es:(%di), %ebp
	add	$4, %di
	loop	one_word
	addw	$SECTORS, lba
	cmpw	$128, lba
	jb	one_read
	clc
out:
	ret

/* The last %cx digits of %eax */
print_hex:
	push	%bx
	mov	%eax, %edx
	mov	$8, %bx
	sub	%cx, %bx
	shl	$2, %bx
	xchg	%bx, %cx
	shl	%cl, %edx
	xchg	%bx, %cx
1:
	rol	$4, %edx
	mov	%dl, %al
	and	$15, %al
	cmp	$10, %al
	sbb	$0x69, %al	/* 0 to 15 becomes '0' to 'F' */
	das
	call	putc
	loop	1b
	pop	%bx
	ret

/* The string at %si, up to its 0 */
print:
	lodsb
	test	%al, %al
	jz	1f
	call	putc
	jmp	print
1:
	ret

putc:
	push	%dx
	push	%ax
	mov	$SERIAL_STATUS, %dx
1:
	in	%dx, %al
	test	$SERIAL_ROOM, %al
	jz	1b
	mov	$SERIAL, %dx
	pop	%ax
	out	%al, %dx
	pop	%dx
	ret

up:	.asciz	"L2: up\n"
disk:	.asciz	"L2: disk "
failed:	.ascii	"failed"
newline:
	.asciz	"\n"
done:	.asciz	"L2: done\n"

	.balign	4
packet:	.byte	16, 0
count:	.word	SECTORS
	.word	0, BUFFER
lba:	.quad	0

	.org	446		/* does not go back: what is too long does not assemble */
	.byte	0, 0xff, 0xff, 0xff
	.byte	0xef, 0xff, 0xff, 0xff	/* an EFI system partition, see esp.sh */
	.long	ESP_SECTOR, ESP_SECTORS
	.org	510
	.word	0xaa55
