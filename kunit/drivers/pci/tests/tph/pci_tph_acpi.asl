// SPDX-License-Identifier: GPL-2.0
/*
 * Host bridges for the suites pci_tph_acpi and vfio_pci_tph_acpi: one with the "_DSM
 * to Query Cache Locality TPH Features" of the PCI Firmware Specification, one
 * without.  pci_tph_acpi_aml.h has this as the kernel loads it:
 *
 *	iasl pci_tph_acpi.asl && xxd -i <pci_tph_acpi.aml
 *
 * What the _DSM answers is set by a test with KSET.
 */
DefinitionBlock ("", "SSDT", 2, "KUNIT", "TPH", 1)
{
	Scope (\_SB)
	{
		Device (KTP0)
		{
			Name (_ADR, Zero)
		}

		Device (KTP1)
		{
			Name (_ADR, One)
			Name (KIND, Zero)	// enum pci_tph_acpi_kind
			Name (SIZE, Zero)	// bytes, or the UID of the one CPU
			Name (FLGV, Zero)	// flags of volatile memory
			Name (FLGP, Zero)	// flags of persistent memory
			Name (ASKD, Zero)	// evaluations of function 15

			Method (KSET, 4)
			{
				KIND = Arg0
				SIZE = Arg1
				FLGV = Arg2
				FLGP = Arg3
				ASKD = Zero
			}

			// Three integers: processor caches, the UID, no properties
			Method (WELL, 1)
			{
				If (ObjectType (Arg0) != 4)
				{
					Return (Zero)
				}
				If (SizeOf (Arg0) != 3)
				{
					Return (Zero)
				}
				Return (DerefOf (Arg0 [0]) == Zero &&
					DerefOf (Arg0 [2]) == Zero)
			}

			Method (_DSM, 4, Serialized)
			{
				If (Arg0 != ToUUID ("e5c937d0-3553-4d7a-9117-ea4d19c3434d"))
				{
					Return (Buffer () { 0x00 })
				}
				If (Arg1 != 7)
				{
					Return (Buffer () { 0x00 })
				}
				If (Arg2 == 0)
				{
					If (KIND == 5)
					{
						Return (Buffer () { 0x01, 0x7f })
					}
					Return (Buffer () { 0x01, 0x80 })
				}
				If (Arg2 != 15)
				{
					Return (Buffer () { 0x00 })
				}

				ASKD++
				// What follows the eight bytes says "all valid"
				Local0 = Buffer () {
					0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
					0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
				}
				If (!WELL (Arg3))
				{
					Return (Mid (Local0, 0, 8))
				}

				Local1 = DerefOf (Arg3 [1])
				Local0 [0] = FLGV
				Local0 [1] = 0x10 + Local1	// ST
				Local0 [2] = 0x40 + Local1	// Extended ST
				Local0 [3] = 0x12
				Local0 [4] = FLGP
				Local0 [5] = 0x20 + Local1
				Local0 [6] = 0x80 + Local1
				Local0 [7] = 0x34

				Switch (ToInteger (KIND))
				{
					Case (1)
					{
						Return (ToInteger (Mid (Local0, 0, 8)))
					}
					Case (2)
					{
						Return ("seventeen letters")
					}
					Case (3)
					{
						Return (Package () {
							Buffer () { 0x03, 0x11, 0x11, 0x11,
								    0x03, 0x11, 0x11, 0x11 }
						})
					}
					Case (4)
					{
						// There are three: the method is aborted
						Return (DerefOf (Arg3 [9]))
					}
					Case (6)
					{
						If (Local1 != SIZE)
						{
							Return (Zero)
						}
						Return (Mid (Local0, 0, 8))
					}
				}
				Return (Mid (Local0, 0, SIZE))
			}
		}
	}
}
