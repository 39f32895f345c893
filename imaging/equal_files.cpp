#include "imaging/equal_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "imaging/formats/read_volume.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

struct Place {
  std::size_t subject = 0;
  std::string column;
  fs::path file;
};

std::string flaw_of(const Place& here, const Place& other, const std::vector<Subject>& subjects, const std::string& what) {
  std::error_code none;
  const std::string how =
      fs::equivalent(here.file, other.file, none) ? "is the same file as" : text("holds the same ", what, " as");
  const std::string whose = here.subject == other.subject ? std::string() : text(" of subject ", subjects[other.subject].id);
  return text("the ", here.column, " file ", here.file, " ", how, " the ", other.column, " file", whose, ", ", other.file,
              "; give each its own");
}

}  // namespace

ColumnHashes file_hashes(const Subject& subject) {
  ColumnHashes hashes;
  for (const auto& [column, file] : subject.files()) hashes[column] = volume_sha256(file);
  return hashes;
}

std::vector<EqualFile> equal_files(const std::vector<Subject>& subjects, const std::vector<ColumnHashes>& hashes,
                                   const std::string& what) {
  std::map<std::string, std::vector<Place>> places;  // of each hash, in the order of the table
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    for (const auto& [column, file] : subjects[i].files()) {
      if (const auto found = hashes[i].find(column); found != hashes[i].end())
        places[found->second].push_back({i, column, file});
    }
  }
  std::vector<EqualFile> equal;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    for (const auto& [column, file] : subjects[i].files()) {
      const auto found = hashes[i].find(column);
      if (found == hashes[i].end()) continue;
      const std::vector<Place>& all = places[found->second];
      const auto is_other = [&, name = column](const Place& p) { return p.subject != i || p.column != name; };
      const auto other = std::find_if(all.begin(), all.end(), is_other);
      if (other != all.end()) equal.push_back({i, column, flaw_of({i, column, file}, *other, subjects, what)});
    }
  }
  return equal;
}

std::vector<std::string> equal_file_flaws(const std::vector<Subject>& subjects, const std::vector<ColumnHashes>& hashes,
                                          const std::string& what) {
  std::vector<std::string> flaws(subjects.size());
  for (const EqualFile& file : equal_files(subjects, hashes, what)) {
    if (flaws[file.subject].empty()) flaws[file.subject] = file.what;
  }
  return flaws;
}

}  // namespace vitrine::imaging
