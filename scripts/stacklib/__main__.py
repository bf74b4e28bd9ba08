# SPDX-License-Identifier: GPL-2.0
"""Entry point: `python3 scripts/stacklib VERB ...` (scripts/stack calls it)."""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from stacklib import cli  # noqa: E402  pylint: disable=wrong-import-position

if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:]))
