# SPDX-License-Identifier: GPL-2.0
"""The tool: cli.py takes a command line to a module of verbs/; scripts/README has the map."""
