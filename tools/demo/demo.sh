#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Show the project at work: a guest with an assigned NVMe disk, on the rewritten
# modules, over VFIO's type1 container and over iommufd. Builds and fetches what
# is missing, boots L1 and runs in-l1.sh there.
#
# Use:	[MODULES=ours|stock] tools/demo/demo.sh
#
# Exit status 0: everything that was expected was seen.

. "$(dirname "$0")/../../scripts/lib.sh"

which=${MODULES:-ours}
[[ $which = ours || $which = stock ]] || die "MODULES is ours or stock, not '$which'"

"$pa_top/scripts/deps.sh" build vm
# What can be reused is found at once; what is made says so.
say "1 of 4: modules ($which) for Debian's stock kernel"
"$pa_top/scripts/build-modules.sh" "$which" >/dev/null
say "2 of 4: L1, the machine with an IOMMU"
"$pa_top/tools/vm/kernel.sh" stock >/dev/null
say "3 of 4: L2, the guest"
guest=$("$pa_top/tools/vm/guest.sh")
say "4 of 4: booting L1, and in it L2 (about a minute)"

# exec: who ends this script ends L1.
exec "$pa_top/tools/vm/run.sh" --devices nvme --share-ro "$guest:/guest" --timeout 600 -- \
	tools/demo/in-l1.sh "$which"
