# SPDX-License-Identifier: GPL-2.0
"""Entry point: `python3 scripts/stacklib VERB ...` (scripts/stack calls it)."""
import sys

import cli

if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:]))
