// Functions that are compiled for the host and for GPUs: the same source, so the host's tests hold for both.
#pragma once

#ifdef __CUDACC__
#define VITRINE_HD __host__ __device__
#else
#define VITRINE_HD
#endif
