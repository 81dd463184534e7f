/* The hash of the sources, by which the loader knows a library that was compiled from older ones. */

const char *mgm_kernels_source(void) { return SOURCE_HASH; }
