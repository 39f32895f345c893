// Functions that are compiled for the host and for GPUs: the same source, so the host's tests hold for both. VITRINE_UNROLL stands before a
// loop over an array that is to stay in registers.
#pragma once

#ifdef __CUDACC__
#define VITRINE_HD __host__ __device__
#define VITRINE_UNROLL _Pragma("unroll")
#else
#define VITRINE_HD
#define VITRINE_UNROLL _Pragma("GCC unroll 32")
#endif
