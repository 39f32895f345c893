// Where the expected values lie: the reference folder beside the checkout when it is there, else the subset in tests/golden.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace vitrine::testing {

// An empty path when neither folder has the file.
inline std::filesystem::path find_reference_file(const std::string& name) {
  const std::filesystem::path source = VITRINE_SOURCE_DIR;
  for (const auto& folder : {source / ".." / "shared" / "reference", source / "tests" / "golden"}) {
    if (std::filesystem::exists(folder / name)) return folder / name;
  }
  return {};
}

}  // namespace vitrine::testing

// Skips the test (reported as skipped, not passed) when the file is in neither folder.
#define VITRINE_REFERENCE_FILE(variable, name)                                        \
  const std::filesystem::path variable = vitrine::testing::find_reference_file(name); \
  if (variable.empty()) GTEST_SKIP() << "reference file " << (name) << " is not at hand"
