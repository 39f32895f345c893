// A stand-in for a GPU, preloaded before the CUDA runtime: it runs nothing and holds the program to the rules of a device. Its memory cannot be
// touched by host code; launches must fit a device's limits; nothing is waited for while a graph is recorded; what libraries are given lies on
// the device. A broken rule is one line on stderr and ends the program. Copies to the host bring zeros.
//
// In the environment: STAND_IN_GPUS (1), STAND_IN_MIB of each (81920), STAND_IN_CAPABILITY (90), STAND_IN_DRIVER (13000), STAND_IN_CUDNN (a version), STAND_IN_FAILS: the
// number of the launch that fails. STAND_IN_FASTEST: what is timed takes half as long if a launch of that name is in it. STAND_IN_COUNTS: a file that gets a line for each graph that is recorded: its nodes, exchanges beside the
// first stream, their bytes, and the nodes of the first stream that are recorded while one of them is under way.
#pragma once

#include <cstddef>

namespace vitrine::stand_in {

[[noreturn]] void broken(const char* rule, const char* where);
bool holds(const void* memory, std::size_t bytes);  // all of it lies in one block of device memory
bool is_recording();                                // this thread
void enqueue(const void* stream, const char* what);
void add_beside(std::size_t bytes);  // an exchange of the side stream, in the graph that is recorded

}  // namespace vitrine::stand_in
