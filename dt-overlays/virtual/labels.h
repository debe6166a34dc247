/* SPDX-License-Identifier: (GPL-2.0 OR MIT OR Apache-2.0) */
/* Labels of one connector's nodes, made from SENSOR. */
#undef LABEL_PASTE
#undef LABEL
#undef SENSOR_CLOCK
#undef SENSOR_NODE
#undef SENSOR_ENDPOINT
#undef CSI_ENDPOINT
#define LABEL_PASTE(name, suffix) name ## _ ## suffix
#define LABEL(name, suffix) LABEL_PASTE(name, suffix)
#define SENSOR_CLOCK LABEL(SENSOR, clock)
#define SENSOR_NODE LABEL(SENSOR, sensor)
#define SENSOR_ENDPOINT LABEL(SENSOR, endpoint)
#define CSI_ENDPOINT LABEL(SENSOR, csi_endpoint)
