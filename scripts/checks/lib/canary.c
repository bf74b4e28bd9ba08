// SPDX-License-Identifier: GPL-2.0
/* See canary.cocci. */
void canary(void)
{
	canary_fault();
}
