# What others link: vitrine::core, vitrine::efficientnet, vitrine::train, vitrine::imaging; their headers, their installation, and the files
# by which find_package and pkg-config know them.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/vitrine)

option(VITRINE_INSTALL "Have `cmake --install` install Vitrine" ${PROJECT_IS_TOP_LEVEL})
function(vitrine_install)  # as install(), where that is wanted
  if(VITRINE_INSTALL)
    install(${ARGN})
  endif()
endfunction()

include(cmake/public_headers.cmake)
set(entries library/vitrine.h library/kernels.h)
foreach(part efficientnet train imaging)
  if(part IN_LIST parts)
    list(APPEND entries library/${part}.h)
  endif()
endforeach()
vitrine_public_headers(${entries})
vitrine_install(DIRECTORY ${PROJECT_BINARY_DIR}/include/vitrine DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
vitrine_install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The libraries of each part, the one that uses the others first; the part below; what pkg-config has to add.
set(libraries_core vitrine_modules vitrine_layers vitrine_autograd vitrine_weights vitrine_tensor vitrine_base)
set(libraries_efficientnet vitrine_nn vitrine_data)
set(libraries_train vitrine_train vitrine_evaluation)
set(libraries_imaging vitrine_imaging vitrine_report)
set(below_efficientnet core)
set(below_train efficientnet)
set(below_imaging efficientnet)
set(system_core "-pthread")
if(VITRINE_CUDA)
  set(system_core "-pthread -L${CUDAToolkit_LIBRARY_DIR} -lcudart -ldl")
endif()
if(VITRINE_JPEG_IS_TURBO)
  set(system_efficientnet "-ljpeg -lpng -lz")
endif()

# vitrine_package(PART): the target vitrine::PART and its installation.
function(vitrine_package part)
  add_library(vitrine_part_${part} INTERFACE)
  add_library(vitrine::${part} ALIAS vitrine_part_${part})
  set_target_properties(vitrine_part_${part} PROPERTIES EXPORT_NAME ${part})
  if(below_${part})
    target_link_libraries(vitrine_part_${part} INTERFACE vitrine_part_${below_${part}})
  endif()
  target_link_libraries(vitrine_part_${part} INTERFACE ${libraries_${part}})
  vitrine_install(TARGETS vitrine_part_${part} ${libraries_${part}} EXPORT vitrine_${part} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  vitrine_install(EXPORT vitrine_${part} NAMESPACE vitrine:: FILE vitrine-${part}.cmake DESTINATION ${package_folder})
endfunction()

# vitrine_pkg_config(PART NAME [NAME of the part below]): NAME.pc.
function(vitrine_pkg_config part name)
  set(requires ${ARGN})
  list(TRANSFORM libraries_${part} REPLACE "(.+)" "-l\\1" OUTPUT_VARIABLE flags)
  list(JOIN flags " " flags)
  set(others ${system_${part}})
  file(RELATIVE_PATH up /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
  configure_file(cmake/vitrine.pc.in ${name}.pc @ONLY)
  vitrine_install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

set(available "")
foreach(part core efficientnet train imaging)
  list(GET libraries_${part} 0 library)
  if(TARGET ${library})  # imaging/ without ITK is none
    vitrine_package(${part})
    list(APPEND available ${part})
  endif()
endforeach()
vitrine_pkg_config(core vitrine)  # none for imaging: ITK has no such file either
if("efficientnet" IN_LIST available)
  vitrine_pkg_config(efficientnet vitrine-efficientnet vitrine)
endif()
if("train" IN_LIST available)
  vitrine_pkg_config(train vitrine-train vitrine-efficientnet)
endif()
if(TARGET vitrine)
  vitrine_install(TARGETS vitrine RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# A 0.x version may change everything with its second number; from 1.0 on, the first will count.
configure_package_config_file(cmake/vitrine-config.cmake.in vitrine-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(vitrine-config-version.cmake COMPATIBILITY SameMinorVersion)
vitrine_install(FILES ${PROJECT_BINARY_DIR}/vitrine-config.cmake ${PROJECT_BINARY_DIR}/vitrine-config-version.cmake cmake/vitrine_kernels.cmake
                DESTINATION ${package_folder})
