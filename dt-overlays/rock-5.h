/* SPDX-License-Identifier: (GPL-2.0 OR MIT OR Apache-2.0) */
/*
 * Lines of the ROCK 5B's 40-pin header that belong to GPIO3, with the header's pin numbers (Radxa's pin list).
 */
#define SHUTTER 4	/* GPIO3_A4, pin 16 */
#define PRESENT 9	/* GPIO3_B1, pin 36 */
#define CODE5 17	/* GPIO3_C1, pin 11 */
#define CODE4 15	/* GPIO3_B7, pin 13 */
#define CODE3 16	/* GPIO3_C0, pin 15 */
#define CODE2 18	/* GPIO3_C2, pin 32 */
#define CODE1 7		/* GPIO3_A7, pin 33 */
#define CODE0 14	/* GPIO3_B6, pin 35 */
#define FRAME1 10	/* GPIO3_B2, pin 38 */
#define FRAME0 11	/* GPIO3_B3, pin 40 */
#define LINE_NAMES \
	"", "", "", "", "SHUTTER_KEY", "", "", "LENS_CODE1", \
	"", "MOUNT_PRESENT", "FRAME_SELECT1", "FRAME_SELECT0", "", "", "LENS_CODE0", "LENS_CODE4", \
	"LENS_CODE3", "LENS_CODE5", "LENS_CODE2"
#define GPIO &gpio3
