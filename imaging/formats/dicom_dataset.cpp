#include "imaging/formats/dicom_dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/number.h"
#include "base/sha256.h"
#include "imaging/formats/dicom_tags.h"

namespace vitrine::imaging {
namespace {

constexpr int kKeyRounds = 20'000;

}  // namespace

std::string DicomDataSet::text(std::uint32_t tag) const {
  const auto found = values.find(tag);
  if (found == values.end()) return {};
  std::string_view v = found->second;
  const std::string_view padding(" \0", 2);
  while (!v.empty() && padding.find(v.back()) != padding.npos) v.remove_suffix(1);
  while (!v.empty() && v.front() == ' ') v.remove_prefix(1);
  return std::string(v);
}

std::vector<std::string> DicomDataSet::texts(std::uint32_t tag) const {
  std::vector<std::string> out;
  const std::string all = text(tag);
  for (std::size_t at = 0; !all.empty() && at <= all.size();) {
    const std::size_t end = std::min(all.find('\\', at), all.size());
    std::string_view one = std::string_view(all).substr(at, end - at);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    out.emplace_back(one);
    at = end + 1;
  }
  return out;
}

std::vector<double> DicomDataSet::numbers(std::uint32_t tag) const {
  std::vector<double> out;
  const auto found = values.find(tag);
  if (found == values.end()) return out;
  const std::string& raw = found->second;
  const auto take = [&]<class T>(T) {
    for (std::size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
      T value;
      std::memcpy(&value, raw.data() + at, sizeof(T));
      out.push_back(static_cast<double>(value));
    }
  };
  switch (dicom::known(tag)->kind) {
    case dicom::Kind::u16: take(std::uint16_t{}); break;
    case dicom::Kind::u32: take(std::uint32_t{}); break;
    case dicom::Kind::f64: take(double{}); break;
    default:
      for (std::string one : texts(tag)) {
        double value = 0;
        if (!one.empty() && one.front() == '+') one.erase(0, 1);
        if (!parse_number(one, value)) return {};
        out.push_back(value);
      }
  }
  return std::all_of(out.begin(), out.end(), [](double v) { return std::isfinite(v); }) ? out : std::vector<double>();
}

std::optional<double> DicomDataSet::number(std::uint32_t tag) const {
  const std::vector<double> all = numbers(tag);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

std::optional<std::int64_t> DicomDataSet::integer(std::uint32_t tag) const {
  const std::optional<double> value = number(tag);
  if (!value || std::abs(*value) > 1e15 || *value != std::floor(*value)) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

const DicomDataSet* DicomDataSet::item(std::uint32_t tag) const {
  const auto found = sequences.find(tag);
  return found == sequences.end() || found->second.empty() ? nullptr : &found->second.front();
}

std::string patient_key(const std::string& patient) {
  if (patient.empty()) return {};
  std::string digest = patient;
  for (int round = 0; round < kKeyRounds; ++round) digest = sha256(digest);
  return digest.substr(0, 16);
}

std::string uid_key(std::string_view uid) { return uid.empty() ? std::string() : sha256(text("uid\n", uid)).substr(0, 16); }

}  // namespace vitrine::imaging
