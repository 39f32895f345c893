# cmake -DNM=nm -DOBJECTS=a.o,b.o -DOUTPUT=without_devices.c -P without_devices.cmake
#
# Writes a C file that defines every name of the CUDA back end's kernels again: a table of kernels as one of null pointers, a function as one that
# stops the process. Nothing reaches them: a network is only ever put on the CPU. The real ones, which are a third of the library's code as
# C++ and call NVIDIA's runtime as CUDA, are then not linked.
string(REPLACE "," ";" objects "${OBJECTS}")
execute_process(COMMAND ${NM} --defined-only --extern-only --format=posix ${objects} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" symbols "${symbols}")
set(text "/* Made by library/c/without_devices.cmake. */\n")
foreach(symbol IN LISTS symbols)
  if(symbol MATCHES "_GLOBAL__N_")  # nvcc gives the names of one file a number of that file, and then shows them
    continue()
  endif()
  if(symbol MATCHES "^(_ZN7vitrine[A-Za-z0-9_]+) T ")
    string(APPEND text "void ${CMAKE_MATCH_1}(void) { __builtin_trap(); }\n")
  elseif(symbol MATCHES "^(_ZN7vitrine[A-Za-z0-9_]+) [DBR] ")
    string(APPEND text "void *const ${CMAKE_MATCH_1}[64] = {0};\n")
  endif()
endforeach()
file(WRITE ${OUTPUT} "${text}")
