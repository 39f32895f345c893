// Reads photographs and says how long each took, for bench/photographs. A line in: resize, crop, `apart` or `here`, path. A line out: seconds
// and the SHA-256 of the pixels. The process from which pictures are decoded is started before the first line.
#include "data/photograph.h"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "base/error.h"
#include "base/sha256.h"

int main() {
  using namespace vitrine;
  try {
    PhotographReader apart(true), here(false);
    std::int64_t resize = 0, crop = 0;
    std::string where, path;
    while (std::cin >> resize >> crop >> where && std::getline(std::cin >> std::ws, path)) {
      const auto start = std::chrono::steady_clock::now();
      const Photograph photograph =
          (where == "apart" ? apart : here).read(path, {resize, crop, Filter::bicubic, where == "apart"});
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      const std::vector<std::uint8_t>& rgb = photograph.image.rgb;
      std::printf("%.6f %s\n", seconds, sha256({reinterpret_cast<const char*>(rgb.data()), rgb.size()}).c_str());
      std::fflush(stdout);
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
