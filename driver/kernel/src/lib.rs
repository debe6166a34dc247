//! The edge to the kernel: device tree, drivers, device nodes, lines and buffers.
