# The four building functions of the project: a library per folder, ops and their per-instruction-set kernels, test programs.

# vitrine_shareable(TARGET): its objects may become part of libvitrine.so (library/c). Hidden names keep the code what it is in a program:
# calls within the library stay direct and may be inlined.
function(vitrine_shareable target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C,CXX>:-ffunction-sections>)
endfunction()

# vitrine_library(NAME sources... LIBS libs...): the static library vitrine_NAME of one folder.
function(vitrine_library name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_library(vitrine_${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  vitrine_shareable(vitrine_${name})
  target_link_libraries(vitrine_${name} PUBLIC vitrine_options ${ARG_LIBS})
endfunction()

# vitrine_kernels(LIBRARY files...): compiles each `*_cpu.cpp` once for every instruction set (tensor/isa.h) into LIBRARY.
# With -O3 in every build: an inline function left out of line here would carry wide instructions into general code.
function(vitrine_kernels library)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    set(flags_scalar "-march=x86-64")
    set(flags_avx2 "-march=x86-64-v3")
    set(flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Its own header of AVX-512 intrinsics starts from values that are not initialised on purpose (gcc bug 105593).
    list(APPEND flags_avx512 -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
  foreach(isa scalar avx2 avx512)
    set(kernels ${library}_${isa})
    add_library(${kernels} OBJECT ${ARGN})
    target_compile_definitions(${kernels} PRIVATE VITRINE_ISA=${isa})
    target_compile_options(${kernels} PRIVATE ${VITRINE_KERNEL_OPTIMIZATION} -fno-exceptions -fno-rtti -Wno-psabi ${flags_${isa}})
    target_link_libraries(${kernels} PRIVATE vitrine_options)
    vitrine_shareable(${kernels})
    target_sources(${library} PRIVATE $<TARGET_OBJECTS:${kernels}>)
  endforeach()
endfunction()

# vitrine_tests(NAME sources... LIBS libs... [LABEL imaging] [FIXTURE of ctest, which these tests require]): the test program tests_NAME.
# Every test case becomes a ctest of its own; its label follows from the suite's name: *Smoke* -> smoke, *Golden* -> golden, *Long* -> long,
# else LABEL (default unit).
function(vitrine_tests name)
  cmake_parse_arguments(ARG "" "LABEL;FIXTURE" "LIBS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_executable(tests_${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(tests_${name} PRIVATE ${ARG_LIBS} vitrine_options GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(tests_${name} PRIVATE VITRINE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set(common DISCOVERY_TIMEOUT 120 TEST_PREFIX "${name}.")
  if(ARG_FIXTURE)
    set(fixture FIXTURES_REQUIRED ${ARG_FIXTURE})
  endif()
  gtest_discover_tests(tests_${name} ${common} TEST_LIST tests_${name}_smoke TEST_FILTER "*Smoke*" PROPERTIES LABELS "smoke" ${fixture})
  gtest_discover_tests(tests_${name} ${common} TEST_LIST tests_${name}_golden TEST_FILTER "*Golden*" PROPERTIES LABELS "golden" ${fixture})
  gtest_discover_tests(tests_${name} ${common} TEST_LIST tests_${name}_long TEST_FILTER "*Long*"
                       PROPERTIES LABELS "long" TIMEOUT 36000 ${fixture})
  gtest_discover_tests(tests_${name} ${common} TEST_LIST tests_${name}_rest TEST_FILTER "-*Smoke*:*Golden*:*Long*"
                       PROPERTIES LABELS "${ARG_LABEL}" ${fixture})
endfunction()
