// How much of its bound each op used, over all steps of an audit: the table of docs/audit.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "audit/record.h"

namespace vitrine::audit {

struct RhoRow {
  std::string op, tensor;  // "fused_mbconv", "z1"
  Phase phase = Phase::forward;
  std::uint64_t records = 0, elements = 0, above = 0;  // that were compared with float64; elements with rho above 1
  double median = 0;                                   // of the records' medians
  double worst = 0;
};
struct RhoTable {
  std::vector<RhoRow> rows;   // by phase, op and tensor; the slots of a batch together
  std::uint64_t records = 0;  // all, those that were not compared included
  RhoRow all;
  // Of the rows in which something is rounded: values of ops, and those of the optimiser's update, most of which are rounded once. In the others
  // every element was the exact value (a copy, a count, an argument that must not change): a median over them too would say nothing of rounding.
  RhoRow ops, updates;
};
// Reads the traces of these folders (RUN/audit/fold_0), block by block. DataError where one does not hold.
RhoTable rho_table(const std::vector<std::filesystem::path>& folders);

}  // namespace vitrine::audit
