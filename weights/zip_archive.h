// Zip archives as torch.save writes them: stored entries only, so that nothing is ever inflated.
//
// Reference  PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights/byte_source.h"

namespace vitrine {

struct ZipEntry {
  std::string name;
  std::uint64_t offset = 0;  // of its bytes in the archive
  std::uint64_t size = 0;
};

// The entries in the order of the central directory. WeightsError on anything but a plain archive of stored entries: a
// compressed or encrypted entry, an archive comment, bytes before or behind, several disks, local headers that disagree with
// the central directory, overlapping entries, names that are absolute, climb with ".." or repeat, links, a wrong CRC-32. Sizes of
// 64 bits (zip64 fields and end record) are read. No checksum is computed before every header was found right.
std::vector<ZipEntry> read_stored_zip(const ByteSource& archive, std::string_view file_name);

}  // namespace vitrine
