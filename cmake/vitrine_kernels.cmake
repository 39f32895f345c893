# Kernels, Vitrine's own and those of others: installed beside the package.

# vitrine_kernels(TARGET files...): compiles each `*_cpu.cpp` once for every instruction set (tensor/isa.h) into TARGET.
# With -O3 in every build: an inline function left out of line here would carry wide instructions into general code.
function(vitrine_kernels target)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    set(flags_scalar "-march=x86-64")
    set(flags_avx2 "-march=x86-64-v3")
    set(flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Its own header of AVX-512 intrinsics starts from values that are not initialised on purpose (gcc bug 105593).
    list(APPEND flags_avx512 -Wno-maybe-uninitialized -Wno-uninitialized)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
      # Structures are copied by whole vectors: by parts of 16 bytes, as gcc does it by itself, the next whole load waits for the stores.
      list(APPEND flags_avx2 -mmove-max=256 -mstore-max=256)
    endif()
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
      # gcc's first scheduling, which x86-64 does without, moves a tile's loads ahead until its sums no longer fit into the registers.
      set(flags_scalar -fno-schedule-insns)
    endif()
  endif()
  set(optimization -O3)
  if(DEFINED VITRINE_KERNEL_OPTIMIZATION)
    set(optimization ${VITRINE_KERNEL_OPTIMIZATION})
  endif()
  foreach(isa scalar avx2 avx512)
    set(kernels ${target}_${isa})
    add_library(${kernels} OBJECT ${ARGN})
    target_compile_definitions(${kernels} PRIVATE VITRINE_ISA=${isa})
    target_compile_options(${kernels} PRIVATE ${optimization} -ffp-contract=off -fno-exceptions -fno-rtti -Wno-psabi ${flags_${isa}})
    if(VITRINE_INSIDE)
      target_link_libraries(${kernels} PRIVATE vitrine_options)
      vitrine_shareable(${kernels})
    endif()
    if(TARGET vitrine::core)  # not while its own kernels are listed
      target_link_libraries(${kernels} PRIVATE vitrine::core)
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${kernels}>)
  endforeach()
endfunction()
