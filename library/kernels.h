// For kernels of one's own: vectors, elementary functions, threads, and the loops over a function of one value. A file that includes this is
// compiled once for each instruction set, by vitrine_kernels(TARGET file...) in CMake; examples/04_own_op shows a whole one.
#pragma once

#include "layers/unary_cpu.h"
#include "tensor/elementary.h"
#include "tensor/parallel.h"
#include "tensor/simd.h"
#include "tensor/simd_math.h"
