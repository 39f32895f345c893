// Which fold of which audited run a command means.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/command.h"

namespace vitrine::cli {

struct FoldWords {
  std::string run;
  std::optional<int> fold{};  // nothing: the first, or all
  bool json = false;
};

// RUN/audit/fold_N, or the only audit that `run` is. UsageError for a study, and for a fold that has none.
std::filesystem::path folder_of(const FoldWords& words);
void add_fold(Command app, FoldWords& words, const char* fold = "from 0");
// Of an option: a whole number from 0 that fits 64 bits; an empty text is none.
std::string is_step_number(const std::string& word);

}  // namespace vitrine::cli
