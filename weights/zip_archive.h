// Zip archives as torch.save writes them: stored entries only, so that nothing is ever inflated.
//
// Reference  PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

struct ZipEntry {
  std::string name;
  std::string_view bytes;  // inside the archive that was given
};

// The entries in the order of the central directory. WeightsError on anything but a plain archive of stored entries: a
// compressed or encrypted entry, an archive comment, bytes before or behind, several disks, local headers that disagree with
// the central directory, overlapping entries, names that are absolute, climb with ".." or repeat, links, a wrong CRC-32.
std::vector<ZipEntry> read_stored_zip(std::string_view archive, std::string_view file_name);

}  // namespace vitrine
