// Publishing an output: afterwards its place holds the old content or all of the new one, whatever happens in between.
//
// New bytes go to a file of a random name beside the target, made exclusively, never through a link; they are fsynced, renamed over the
// target, and the folder is fsynced. The mode of an existing file stays. A link is followed, so that the file it means is replaced and not
// the link. What is not a regular file (a pipe, a terminal, /dev/null) is written into; so is the file that standard output goes to.
// Files of that kind left behind by a process that was killed are removed at the next write into the folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace vitrine {

class OutputFile {
 public:
  // `reserve`: bytes that will be written, if known; the space is taken at once, so that a full disk is told before the work.
  explicit OutputFile(const std::filesystem::path& path, std::uint64_t reserve = 0);

  void write(std::string_view bytes);
  void commit();         // call once; without it nothing happened
  bool commit_if_new();  // false, and nothing happened, when something of that name is there

 private:
  // Its file is removed unless it was renamed.
  struct Temporary {
    std::filesystem::path name;
    ~Temporary();
  };

  void make_temporary(const std::filesystem::path& folder);
  void finish_temporary();

  std::filesystem::path path_, target_;
  Temporary temporary_;
  Descriptor file_;
  bool written_into_ = false;  // the target is no regular file
  std::string held_;           // its bytes until commit()
};

// FileError on failure. No folder is made.
void write_file(const std::filesystem::path& path, std::string_view bytes);
// False, and nothing happened, when `path` exists: for claiming a folder or a run by its first file.
bool create_file(const std::filesystem::path& path, std::string_view bytes);

// An output as a command line names it: "-" is standard output, and so are the names by which systems know it (/dev/stdout, /dev/fd/1).
void write_output(const std::string& name, std::string_view bytes);
bool is_standard_output(const std::string& name);
// Before any work: UsageError when the output is one of `inputs` (by whatever name or link), FileError when it is a folder or lies in
// none that can be written.
void check_output(const std::string& name, const std::vector<std::string>& inputs);

// The same for a folder that a command fills with entries of these names ("fold_*": whatever begins so): UsageError for "-" and for an input
// that lies where one of them is written, FileError when something else of the folder's name is there.
void check_output_folder(const std::string& name, const std::vector<std::string>& inputs = {},
                         const std::vector<std::string>& written = {});

// Renames `folder` to the first free of folder.old-1, folder.old-2, ... and says so in a note. Nothing when there is no such folder or nothing in
// it. What a link leads to is renamed, and an empty folder takes its place. UsageError when `marker` does not stand in it: it is somebody else's;
// or when one of the inputs does. Error (exit code 1) when a process works in it (base/lock.h). FileError when it cannot be renamed.
void set_aside(const std::filesystem::path& folder, const std::string& marker, const std::vector<std::string>& inputs);

// Removes what processes that were killed left behind in `folder`.
void remove_stale_temporaries(const std::filesystem::path& folder);

}  // namespace vitrine
