/* SPDX-License-Identifier: (GPL-2.0 OR MIT OR Apache-2.0) */
/* Labels that carry a role's name, and one setting for all sensors of a role. */
#define PASTE_(a, b) a ## b
#define PASTE(a, b) PASTE_(a, b)
/* LABEL(_supply) is main_supply or mount_supply. */
#define LABEL(suffix) PASTE(ROLE, suffix)

/* SENSOR(main, 283) is &main_imx283. */
#define SENSOR_(role, number) &role ## _imx ## number
#define SENSOR(role, number) SENSOR_(role, number)
#define SENSOR_ENDPOINT_(role, number) &role ## _imx ## number ## _endpoint
#define SENSOR_ENDPOINT(role, number) SENSOR_ENDPOINT_(role, number)

#ifdef WITH_IMX283
#define IF_IMX283(text...) text
#else
#define IF_IMX283(text...)
#endif
#ifdef WITH_IMX477
#define IF_IMX477(text...) text
#else
#define IF_IMX477(text...)
#endif

#define EACH(role, target) \
	IF_IMX283(<SENSOR(role, 283)>, target,) IF_IMX477(<SENSOR(role, 477)>, target,) \
	<SENSOR(role, 219)>, target, <SENSOR(role, 296)>, target
#define EACH_ENDPOINT(role, target) \
	IF_IMX283(<SENSOR_ENDPOINT(role, 283)>, target,) IF_IMX477(<SENSOR_ENDPOINT(role, 477)>, target,) \
	<SENSOR_ENDPOINT(role, 219)>, target, <SENSOR_ENDPOINT(role, 296)>, target
