/* SPDX-License-Identifier: (GPL-2.0 OR MIT OR Apache-2.0) */
/* Ports of the Raspberry Pi 5 and its Compute Module, with the Raspberry Pi kernel's labels; four lanes each. */
#define CAM1_I2C &i2c_csi_dsi1
#define CAM1_CSI &csi1
#define CAM1_SUPPLY &cam1_reg
#define CAM0_I2C &i2c_csi_dsi0
#define CAM0_CSI &csi0
#define CAM0_SUPPLY &cam0_reg
#define RECEIVER(endpoint...) port { endpoint };
#define RECEIVER_PROPERTIES status = "okay";
#define MAIN_SENSOR 283
#define MOUNT_SENSOR 283
#define WITH_IMX283
#define WITH_IMX477

#include "raspberry-pi.h"
#define GPIO &gpio
