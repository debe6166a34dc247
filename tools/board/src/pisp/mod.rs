//! PiSP, the image signal processor: settings, compression, statistics, back end stages. Pure: no registers, no time.
