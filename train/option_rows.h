// The table of options, in its parts (train/option_table.h joins them).
#pragma once

#include <span>

#include "train/option_table.h"

namespace vitrine {

std::span<const OptionRow> network_rows();   // data, split and network
std::span<const OptionRow> training_rows();  // training
std::span<const OptionRow> keeping_rows();   // choice, keeping and device

}  // namespace vitrine
