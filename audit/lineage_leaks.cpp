#include "audit/lineage_leaks.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "data/dataset.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

// The parts that each subject lies in; more than one is a leak by itself.
std::map<std::string, std::vector<std::string>> parts_of(const Splits& splits, const Fold& fold, bool nested) {
  std::map<std::string, std::vector<std::string>> parts;
  const std::set<std::string> inner(fold.inner.begin(), fold.inner.end());
  for (const std::string& s : fold.train) parts[s].push_back(nested && inner.contains(s) ? "inner" : "train");
  for (const std::string& s : fold.validation) parts[s].push_back("validation");
  for (const std::string& s : splits.test) parts[s].push_back("test");
  return parts;
}

using Key = std::pair<std::string, std::string>;  // kind and value
using Groups = std::map<Key, std::vector<const Fingerprint*>>;

void add_leaks(int fold, const std::map<std::string, std::vector<std::string>>& parts, const Groups& groups,
               std::vector<Leak>& leaks) {
  for (const auto& [key, members] : groups) {
    std::vector<Leak::Place> places;
    for (const Fingerprint* f : members) {
      const auto found = parts.find(f->subject_id);
      if (found == parts.end()) continue;
      for (const std::string& part : found->second) places.push_back({part, f->subject_id, f->name});
    }
    std::set<std::pair<std::string, std::string>> told;
    for (std::size_t a = 0; a < places.size(); ++a) {
      for (std::size_t b = a + 1; b < places.size(); ++b) {
        const auto pair = std::minmax(places[a].part, places[b].part);
        if (pair.first == pair.second || !told.insert({pair.first, pair.second}).second) continue;
        leaks.push_back({fold, key.first, places[a], places[b]});
      }
    }
  }
}

}  // namespace

std::vector<Fingerprint> crop_fingerprints(const Manifest& manifest) {
  std::vector<Fingerprint> prints;
  for (const std::string& subject : manifest.subjects()) prints.push_back({subject, "subject", subject, "the split"});
  for (const Sample& s : manifest.samples) {
    check_interrupt("comparing crops");
    const CropChannels crop = load_crop(manifest, s);
    prints.push_back({s.subject_id, "crop file", s.sha256, s.file});
    for (const auto& [channel, values] : crop.channels) {
      if (std::ranges::adjacent_find(values, std::not_equal_to()) == values.end()) continue;  // all the same
      const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
      prints.push_back({s.subject_id, "pixels", text(crop.height, " ", sha256(bytes)), text(s.file, " (", channel, ")")});
    }
    const auto metadata = read_safetensors(manifest.path.parent_path() / s.file).metadata;
    if (const auto named = metadata.find("subject_id"); named != metadata.end())
      prints.push_back({s.subject_id, "subject", named->second, s.file});
  }
  return prints;
}

std::string text_of(const Leak& leak) {
  const auto place = [](const Leak::Place& p) {
    return text(p.part, " has it as ", printable(p.name), " of ", printable(p.subject_id));
  };
  return text("fold ", leak.fold, ": one ", leak.kind, " in two parts: ", place(leak.first), ", ", place(leak.second));
}

std::vector<Leak> find_leaks(const Splits& splits, bool nested, const std::vector<Fingerprint>& fingerprints) {
  Groups all;
  for (const Fingerprint& f : fingerprints) {
    if (!f.value.empty()) all[{f.kind, f.value}].push_back(&f);
  }
  std::vector<Leak> leaks;
  for (std::size_t f = 0; f < splits.folds.size(); ++f)
    add_leaks(static_cast<int>(f), parts_of(splits, splits.folds[f], nested), all, leaks);
  return leaks;
}

}  // namespace vitrine
