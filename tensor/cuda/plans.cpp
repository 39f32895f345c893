#include "tensor/cuda/plans.h"

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

std::map<std::string, KeptPlan> read_plans(const std::filesystem::path& file) {
  std::map<std::string, KeptPlan> plans;
  if (!std::filesystem::exists(file)) return plans;
  try {
    const Json json = parse_json(read_file(file, kMostBytes), {.max_keys = 100'000});
    if (json.at("format").get<int>() != kFormat) throw std::runtime_error("its format is not 1");
    for (const auto& [shape, plan] : json.at("plans").items()) {
      plans[shape] = {plan.at("choice").get<std::string>(), plan.at("workspace").get<std::uint64_t>(),
                      plan.at("notes").get<std::string>(), plan.at("microseconds").get<double>()};
    }
  } catch (const std::exception& error) {
    throw DataError(text(file.string(), ": ", error.what(), "; delete it and the plans are chosen again"));
  }
  return plans;
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

PlanStore::PlanStore(std::filesystem::path file) : file_(std::move(file)), plans_(read_plans(file_)) {}

std::optional<KeptPlan> PlanStore::find(const std::string& shape) const {
  const std::scoped_lock lock(mutex_);
  const auto found = plans_.find(shape);
  return found == plans_.end() ? std::nullopt : std::optional(found->second);
}

KeptPlan PlanStore::keep(const std::string& shape, const KeptPlan& plan) {
  const std::scoped_lock lock(mutex_);
  plans_.merge(read_plans(file_));
  plans_.emplace(shape, plan);
  make_directory(file_.parent_path());
  write_file(file_, json_of(plans_));
  return plans_.at(shape);
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
    if (name == "cuDNN" || name == "cuBLASLt") libraries += (libraries.empty() ? "" : "-") + name + " " + version;
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
