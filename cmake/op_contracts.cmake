# Embeds the contract of every op, and where its pieces stand, into a C++ file: the headers stay the only source of these texts, and a line number
# is found anew in every build.
#
# As a script: cmake -DROOT=... -DOUT=... -DOPS=add,conv2d -DUNARY=gelu,swish -P op_contracts.cmake
# Included: vitrine_op_contracts(OUT_FILE ops... UNARY functions...) makes the command that runs it when one of the files has changed.

if(CMAKE_SCRIPT_MODE_FILE)
  cmake_minimum_required(VERSION 3.22)
endif()

# The files of an op: op_header, op_reference, op_node, op_cpu, op_cuda, op_bound; empty where there is none.
macro(vitrine_op_files op unary)
  set(op_header layers/${op}.h)
  set(op_reference layers/${op}_reference.h)
  set(op_node layers/${op}.cpp)
  set(op_cpu layers/${op}_cpu.cpp)
  set(op_cuda layers/${op}_cuda.cu)
  set(op_bound layers/${op}_bound.cpp)
  if(${op} IN_LIST ${unary})
    set(op_node layers/unary.cpp)
    set(op_cpu layers/unary_cpu.cpp)
    set(op_cuda layers/unary_cuda.cu)
    set(op_bound layers/unary_bound.cpp)
  elseif(${op} STREQUAL reshape)
    set(op_header autograd/reshape.h)
    set(op_node autograd/reshape.cpp)
  elseif(${op} MATCHES "^fused_")
    set(block_fused_mbconv mbconv)
    set(block_fused_norm conv_norm)
    set(block_fused_gate squeeze_excitation)
    set(stem layers/blocks/${block_${op}})
    set(op_header ${stem}_fused.h)
    set(op_reference ${stem}.h)  # the composed twin
    set(op_node ${stem}_fused.cpp)
    set(op_cpu ${stem}_fused_cpu.cpp ${stem}_fused_pointwise_cpu.cpp ${stem}_fused_depthwise_cpu.cpp ${stem}_fused_depthwise_gradient_cpu.cpp)
    set(op_cuda ${stem}_fused_cuda.cu ${stem}_fused_pointwise_cuda.cu ${stem}_fused_depthwise_cuda.cu)
    set(op_bound ${stem}_fused_bound.cpp)
  endif()
endmacro()

function(vitrine_op_contracts out)
  cmake_parse_arguments(ARG "" "" "OPS;UNARY" ${ARGN})
  set(files "")
  foreach(op ${ARG_OPS})
    vitrine_op_files(${op} ARG_UNARY)
    foreach(file ${op_header} ${op_reference} ${op_node} ${op_cpu} ${op_cuda} ${op_bound})
      if(EXISTS ${PROJECT_SOURCE_DIR}/${file})
        list(APPEND files ${PROJECT_SOURCE_DIR}/${file})
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES files)
  string(REPLACE ";" "," ops "${ARG_OPS}")
  string(REPLACE ";" "," unary "${ARG_UNARY}")
  add_custom_command(OUTPUT ${out}
                     COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -DOUT=${out} -DOPS=${ops} -DUNARY=${unary} -P ${PROJECT_SOURCE_DIR}/cmake/op_contracts.cmake
                     DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/op_contracts.cmake
                     COMMENT "Embedding the contracts of the ops" VERBATIM)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

# One row: the first of the patterns that the file holds, and its line.
function(source_row op role file)
  if(NOT EXISTS ${ROOT}/${file})
    return()
  endif()
  file(READ ${ROOT}/${file} content)
  foreach(pattern ${ARGN})
    string(FIND "${content}" "${pattern}" at)
    if(at GREATER -1)
      string(SUBSTRING "${content}" 0 ${at} before)
      string(REGEX REPLACE "[^\n]" "" before "${before}")
      string(LENGTH "${before}" line)
      math(EXPR line "${line} + 1")
      set(rows "${rows}    {\"${op}\", \"${role}\", \"${file}\", ${line}, \"${pattern}\"},\n" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${file}: none of '${ARGN}' was found; name what the page of ${op} should point at in cmake/op_contracts.cmake")
endfunction()

string(REPLACE "," ";" OPS "${OPS}")
string(REPLACE "," ";" UNARY "${UNARY}")
set(rows "")
set(contracts "")
foreach(op ${OPS})
  vitrine_op_files(${op} UNARY)
  file(READ ${ROOT}/${op_header} content)
  string(FIND "${content}" "#pragma once" end)
  string(SUBSTRING "${content}" 0 ${end} contract)
  string(APPEND contracts "    {\"${op}\", R\"contract(${contract})contract\"},\n")
  source_row(${op} "contract" ${op_header} "//")
  foreach(file ${op_reference})
    source_row(${op} "reference" ${file} "${op}_forward(" "${op}_apply(" "// Forward" "// A convolution, the batch norm")
  endforeach()
  source_row(${op} "node" ${op_node} "Node final : Node")
  foreach(file ${op_cpu})
    source_row(${op} "kernels (scalar, AVX2, AVX-512)" ${file} "void forward(" "void apply(" "void product(" "void mean(" "void expand(" "void gradient(" "_table" "void ")
  endforeach()
  foreach(file ${op_cuda})
    source_row(${op} "kernels (CUDA)" ${file} "void forward(" "void apply(" "void product(" "void mean(" "void expand(" "_table")
  endforeach()
  source_row(${op} "bound" ${op_bound} "OpShadows" "_shadows")
endforeach()
file(WRITE ${OUT} "// Made by cmake/op_contracts.cmake of the headers in layers/ and autograd/.
#include \"audit/op_pages/contract.h\"

namespace vitrine::op_pages {

std::span<const EmbeddedContract> embedded_contracts() {
  static constexpr EmbeddedContract kAll[] = {
${contracts}  };
  return kAll;
}

std::span<const OpSource> embedded_sources() {
  static constexpr OpSource kAll[] = {
${rows}  };
  return kAll;
}

}  // namespace vitrine::op_pages
")
