// A subject's files as preparation reads them: each once, on the grid that it should lie on, and no voxels under two names.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "imaging/formats/read_volume.h"
#include "imaging/subject.h"

namespace vitrine::imaging {

class SubjectFiles {
 public:
  // `expected`: the SHA-256 of each column, as the files were when their hashes were taken. Notes and what is remembered go into `result`.
  SubjectFiles(const std::map<std::string, std::string>& expected, PreparedSubject& result)
      : expected_(expected), result_(result) {}

  // DataError (see read_series), also when the file has changed since or holds the voxels of another column. Interrupted.
  ReadVolume series(const std::string& column, const std::string& name, const std::filesystem::path& path);
  // On T1c's grid: DataError with both sizes and the distance of the corners when it lies elsewhere.
  ReadVolume mask(const std::string& column, const std::string& name, const std::filesystem::path& path, const Geometry& grid);

 private:
  void remember(const std::string& column, const std::string& name, const std::filesystem::path& path, const ReadVolume& file);

  const std::map<std::string, std::string>& expected_;
  PreparedSubject& result_;
};

}  // namespace vitrine::imaging
