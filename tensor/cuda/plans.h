// The algorithms of NVIDIA's libraries that were measured to be fastest, kept between runs.
//
// Two algorithms that take turns at being faster add up in different orders, so a run that timed them anew could not repeat the bits of
// the one before. What was chosen for a shape stays chosen, for a GPU and the versions of its libraries, in a file of the folder that
// VITRINE_PLANS names, else of $XDG_CACHE_HOME/vitrine, else of ~/.cache/vitrine. Deleting the file has everything timed again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace vitrine::cuda {

struct KeptPlan {
  std::string choice;           // what the library needs to find the algorithm again
  std::uint64_t workspace = 0;  // bytes
  std::string notes;            // for people: engine, numerical notes
  double microseconds = 0;      // when it was chosen
  bool operator==(const KeptPlan&) const = default;
};

class PlanStore {
 public:
  // Reads `file` where it exists. DataError when it is malformed.
  explicit PlanStore(std::filesystem::path file);

  std::optional<KeptPlan> find(const std::string& shape) const;
  // Adds a plan and writes the file, with what other processes have put into it since; a shape that is there already stays as it is, unless it
  // is still `unusable`, which the caller found in it and cannot run. Returns what is kept now. FileError when the file cannot be written: without it
  // the tier's promise could not be kept.
  KeptPlan keep(const std::string& shape, const KeptPlan& plan, const std::optional<KeptPlan>& unusable = std::nullopt);

  // FileError naming VITRINE_PLANS where the folder cannot be made.
  void make_folder() const;

  const std::filesystem::path& file() const { return file_; }
  std::size_t size() const;

 private:
  std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::map<std::string, KeptPlan> plans_;
  std::string stamp_;  // of the file as it was read or written last
};

// <folder>/plans-<gpu>-<libraries>.json in lower-case letters, digits, dots and dashes. UsageError when no folder is known.
std::filesystem::path plan_file(const std::string& gpu, const std::string& libraries);
// Of the current device, a GPU.
PlanStore& plan_store();

// Bytes as hexadecimal and back; nothing unless `hex` has exactly `count` bytes.
std::string hex_of(const void* bytes, std::size_t count);
bool bytes_of(const std::string& hex, void* bytes, std::size_t count);

}  // namespace vitrine::cuda
