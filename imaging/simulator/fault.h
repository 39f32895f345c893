// Faults on request: what goes wrong with files on the way from a scanner to a folder, planted in one subject and named in its truth.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "imaging/simulator/scan.h"

namespace vitrine::imaging {

struct Fault {
  const char* name;  // of the option
  const char* what;  // one sentence
};
const std::vector<Fault>& known_faults();
// Words between commas, each a known name, or "all". UsageError naming the nearest one.
std::vector<std::string> parse_faults(const std::string& words);

// A file before it is written: a volume, and what is done to its bytes.
struct StoredFile {
  Volume volume;
  bool is_mask = false;
  std::function<void(std::string& header)> edit_header;  // of the 352 bytes
  int volumes = 1;                                       // one after the other, in a 4-D file
  double kept_share = 1;                                 // of the file's bytes
  bool damaged = false;                                  // a bit of the checksum at its end
};
// FileError when it cannot be written.
void write_stored(const std::filesystem::path& path, const StoredFile& file);

struct StoredSubject {
  std::array<StoredFile, 4> files;    // t1c, flair, t2, mask
  std::array<Matrix4, 3> from_t1c{};  // T1c's points to those of each series, as the headers have them
};

struct Planted {
  std::string name, file, what;  // file: t1c, flair, t2 or mask
};

struct FaultContext {
  std::uint64_t seed = 0;
  std::uint32_t patient = 0;
  std::function<Volume(Series)> other_head;  // the same scan of another patient, stored alike
  std::function<Mask()> other_mask;
};

// "no-contrast" is a matter of the scan: it changes nothing here. InternalError for an unknown name.
Planted plant(const std::string& fault, StoredSubject& subject, const FaultContext& context);

}  // namespace vitrine::imaging
