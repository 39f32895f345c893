// What `vitrine eval` prints (cli/eval_print.cpp).
#pragma once

#include <vector>

#include "evaluation/evaluation_tables.h"

namespace vitrine::cli {

void print_evaluation(const std::string& run, const LevelEvaluation& evaluation, const BootstrapOptions& bootstrap);
void print_comparisons(const std::vector<RunComparison>& comparisons);  // nothing for none

}  // namespace vitrine::cli
