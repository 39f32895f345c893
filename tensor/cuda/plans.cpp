#include "tensor/cuda/plans.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "tensor/cuda/runtime.h"

namespace vitrine::cuda {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;
constexpr int kFormat = 1;

KeptPlan plan_in(const Json& plan) {
  KeptPlan kept{text_in(plan, "choice"), unsigned_in(plan, "workspace"), text_in(plan, "notes"),
                number_in(plan, "microseconds", 0, 1e12)};
  const auto is_control = [](unsigned char c) { return c < 32 || c == 127; };
  if (std::ranges::any_of(kept.choice + kept.notes, is_control)) throw std::runtime_error("control characters in a plan");
  return kept;
}

std::map<std::string, KeptPlan> read_plans(const std::filesystem::path& file) {
  std::map<std::string, KeptPlan> plans;
  if (!std::filesystem::exists(file)) return plans;
  if (!std::filesystem::is_regular_file(file))
    throw DataError(text(file.string(), ": the kept plans of a GPU, expected a file; choose another folder by VITRINE_PLANS"));
  const std::string bytes = read_file(file, kMostBytes);
  try {
    const Json json = parse_json(bytes, {.max_bytes = kMostBytes, .max_values = 4'000'000, .max_keys = 500'000});
    if (integer_in(json, "format", 0, 1'000'000) != kFormat) throw std::runtime_error("its format is not 1");
    const Json& all = member(json, "plans");
    if (!all.is_object()) throw std::runtime_error("'plans' is no object");
    for (const auto& [shape, plan] : all.items()) plans[shape] = plan_in(plan);
  } catch (const Error&) {  // a stop that was asked for
    throw;
  } catch (const std::exception& error) {
    throw DataError(text(file.string(), ": ", error.what(), "; delete it and the plans are chosen again"));
  }
  return plans;
}

// Size and time of a file: what tells that another process has written it since.
std::string stamp_of(const std::filesystem::path& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  if (none) return "";
  return text(size, " ", std::filesystem::last_write_time(file, none).time_since_epoch().count());
}

std::string json_of(const std::map<std::string, KeptPlan>& plans) {
  Json all = Json::object();
  for (const auto& [shape, p] : plans)
    all[shape] = {{"choice", p.choice}, {"workspace", p.workspace}, {"notes", p.notes}, {"microseconds", p.microseconds}};
  Json json = Json::object();
  json["format"] = kFormat;
  json["plans"] = std::move(all);
  return json_text(json);
}

std::string slug(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool kept = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '.';
    if (kept) {
      out += lower;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  return out;
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::filesystem::path folder() {
  if (const std::string named = variable("VITRINE_PLANS"); !named.empty()) return named;
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return std::filesystem::path(cache) / "vitrine";
  if (const std::string home = variable("HOME"); !home.empty()) return std::filesystem::path(home) / ".cache" / "vitrine";
  throw UsageError(
      "there is no folder to keep the plans of cuBLASLt and cuDNN in (HOME is not set); name one in VITRINE_PLANS");
}

}  // namespace

PlanStore::PlanStore(std::filesystem::path file) : file_(std::move(file)), plans_(read_plans(file_)), stamp_(stamp_of(file_)) {}

std::optional<KeptPlan> PlanStore::find(const std::string& shape) const {
  const std::scoped_lock lock(mutex_);
  const auto found = plans_.find(shape);
  return found == plans_.end() ? std::nullopt : std::optional(found->second);
}

KeptPlan PlanStore::keep(const std::string& shape, const KeptPlan& plan, const std::optional<KeptPlan>& unusable) {
  const std::scoped_lock lock(mutex_);
  if (stamp_of(file_) != stamp_) {
    for (auto& [name, theirs] : read_plans(file_)) plans_.insert_or_assign(name, std::move(theirs));
  }
  const auto [there, is_new] = plans_.emplace(shape, plan);
  if (!is_new && unusable && there->second == *unusable) there->second = plan;
  make_directory(file_.parent_path());
  write_file(file_, json_of(plans_));
  stamp_ = stamp_of(file_);
  return there->second;
}

void PlanStore::make_folder() const {
  try {
    make_directory(file_.parent_path());
  } catch (const FileError& error) {
    throw FileError(text(error.what(), "; name a folder for what is measured to be fastest in VITRINE_PLANS"));
  }
}

std::size_t PlanStore::size() const {
  const std::scoped_lock lock(mutex_);
  return plans_.size();
}

std::filesystem::path plan_file(const std::string& gpu, const std::string& libraries) {
  return folder() / ("plans-" + slug(gpu) + "-" + slug(libraries) + ".json");
}

PlanStore& plan_store() {
  std::string libraries;
  for (const auto& [name, version] : versions()) {
    // A library that cannot be used says so where it is asked for.
    if ((name == "cuDNN" || name == "cuBLASLt") && !version.starts_with("unusable"))
      libraries += (libraries.empty() ? "" : "-") + name + " " + version;
  }
  const std::filesystem::path file = plan_file(describe(current().index).name, libraries);
  static std::mutex mutex;
  static auto* const stores =
      new std::map<std::filesystem::path, PlanStore>;  // as long as the process, like the plans themselves
  const std::scoped_lock lock(mutex);
  return stores->try_emplace(file, file).first->second;
}

std::string hex_of(const void* bytes, std::size_t count) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned char byte = static_cast<const unsigned char*>(bytes)[i];
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

bool bytes_of(const std::string& hex, void* bytes, std::size_t count) {
  if (hex.size() != 2 * count) return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  for (std::size_t i = 0; i < count; ++i) {
    const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    static_cast<unsigned char*>(bytes)[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

}  // namespace vitrine::cuda
