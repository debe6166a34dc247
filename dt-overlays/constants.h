/* SPDX-License-Identifier: (GPL-2.0 OR MIT OR Apache-2.0) */
/* Numbers of the bindings, under the kernel's names: dt-bindings/gpio/gpio.h, linux/input-event-codes.h. */
#define GPIO_ACTIVE_HIGH 0
#define GPIO_ACTIVE_LOW 1
#define GPIO_PULL_UP 16
#define KEY_CAMERA 212
/* dt-bindings/media/video-interfaces.h */
#define MEDIA_BUS_TYPE_CSI2_DPHY 4
