// A browser for the tests that open pages in one.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace vitrine::testing {

// What the command writes on standard output.
inline std::string shell_output(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), n);
  ::pclose(pipe);
  return output;
}

// The first that is installed; empty when none is.
inline std::string chromium() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (!shell_output(std::string("command -v ") + name).empty()) return name;
  }
  return {};
}

}  // namespace vitrine::testing
