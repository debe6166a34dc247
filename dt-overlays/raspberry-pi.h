/* SPDX-License-Identifier: (GPL-2.0 OR MIT OR Apache-2.0) */
/* The module's lines on the 40-pin header, which has the same numbers on every Raspberry Pi. */
#define SHUTTER 5
#define PRESENT 6
#define CODE5 16
#define CODE4 17
#define CODE3 18
#define CODE2 19
#define CODE1 20
#define CODE0 21
#define FRAME1 22
#define FRAME0 23
#define HEADER_NAMES \
	"ID_SDA", "ID_SCL", "GPIO2", "GPIO3", "GPIO4", "SHUTTER_KEY", "MOUNT_PRESENT", "GPIO7", \
	"GPIO8", "GPIO9", "GPIO10", "GPIO11", "GPIO12", "GPIO13", "GPIO14", "GPIO15", \
	"LENS_CODE5", "LENS_CODE4", "LENS_CODE3", "LENS_CODE2", "LENS_CODE1", "LENS_CODE0", \
	"FRAME_SELECT1", "FRAME_SELECT0", "GPIO24", "GPIO25", "GPIO26", "GPIO27"
