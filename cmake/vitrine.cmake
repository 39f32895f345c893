# The building functions of the project: a library per folder, ops and their per-instruction-set kernels, test programs.
include(GNUInstallDirs)
include(${CMAKE_CURRENT_LIST_DIR}/vitrine_kernels.cmake)

# vitrine_shareable(TARGET): its objects may become part of libvitrine.so (library/c). Hidden names keep the code what it is in a program:
# calls within the library stay direct and may be inlined.
function(vitrine_shareable target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C,CXX>:-ffunction-sections>)
endfunction()

# vitrine_library(NAME sources... LIBS libs...): the static library vitrine_NAME of one folder. Who links it gets the public headers
# (<vitrine/...>, cmake/package.cmake) and what LIBS brings; the warnings and the root of the sources stay inside.
function(vitrine_library name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_library(vitrine_${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  vitrine_shareable(vitrine_${name})
  target_compile_features(vitrine_${name} PUBLIC cxx_std_20)
  target_include_directories(vitrine_${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(vitrine_${name} PRIVATE $<BUILD_INTERFACE:vitrine_options> PUBLIC Threads::Threads ${ARG_LIBS})
  set_target_properties(vitrine_${name} PROPERTIES EXPORT_NAME library_${name})  # vitrine::core and its sisters bring them
  if(NOT PROJECT_IS_TOP_LEVEL)
    set_target_properties(vitrine_${name} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

# vitrine_runs_once(TARGET [HOT sources...]): its code makes pages and messages, so that it is compiled with -Og, which takes two thirds of the
# time of -O2; sources that work on pixels keep -O2.
function(vitrine_runs_once target)
  cmake_parse_arguments(ARG "" "" "HOT" ${ARGN})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Og>)
  set_source_files_properties(${ARG_HOT} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-O2>)
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
  target_compile_definitions(tests_${name} PRIVATE VITRINE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
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
