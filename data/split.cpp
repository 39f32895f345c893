#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "data/permutation.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxManifest = std::uint64_t{64} << 20;

std::string manifest_hash(const Manifest& manifest) {
  return as<DataError>([&] { return sha256_of_file(manifest.path, kMaxManifest); });
}

void check(const SplitOptions& options) {
  if (!(options.test_fraction >= 0 && options.test_fraction < 1)) {
    throw UsageError(text("--test-fraction is ", options.test_fraction, ", expected a number from 0 to below 1"));
  }
  if (options.folds < 2 || options.folds > kMostFolds)
    throw UsageError(text("--folds is ", options.folds, ", expected 2 to ", kMostFolds));
}

// Every subject must lie in the test part or in exactly one validation part, and a fold's training part is all the rest.
void check_parts(const std::filesystem::path& path, const Splits& splits, const Manifest& manifest) {
  const auto refuse = [&](const auto&... what) { throw DataError(text(path, ": ", what...)); };
  std::map<std::string, int> place;  // -1 the test part, else the fold it validates
  const auto put = [&](const std::string& subject, int part) {
    if (!place.emplace(subject, part).second) refuse("the subject '", printable(subject), "' lies in two parts");
  };
  for (const std::string& subject : splits.test) put(subject, -1);
  for (std::size_t f = 0; f < splits.folds.size(); ++f) {
    for (const std::string& subject : splits.folds[f].validation) put(subject, static_cast<int>(f));
  }
  const std::map<std::string, std::string> subjects = manifest.labels();
  for (const auto& [subject, label] : subjects) {
    if (!place.contains(subject)) refuse("the subject '", printable(subject), "' of the manifest lies in no part");
  }
  for (const auto& [subject, part] : place) {
    if (!subjects.contains(subject)) refuse("the subject '", printable(subject), "' is not in the manifest ", manifest.path);
  }
  for (std::size_t f = 0; f < splits.folds.size(); ++f) {
    std::set<std::string> train;
    for (const std::string& subject : splits.folds[f].train) {
      const auto found = place.find(subject);
      const auto trains = [&](const char* though) {
        refuse("fold ", f, " trains on the subject '", printable(subject), "', which ", though, "; run `vitrine split` again");
      };
      if (found == place.end()) trains("is not in the manifest");
      if (found->second == -1) trains("is in the test part");
      if (found->second == static_cast<int>(f)) trains("is in its validation part");
      if (!train.insert(subject).second) trains("is there twice");
    }
    std::set<std::string> inner;
    for (const std::string& subject : splits.folds[f].inner) {
      if (!train.contains(subject) || !inner.insert(subject).second)
        refuse("the inner part of fold ", f, " has the subject '", printable(subject),
               "', which is not in its training part or is there twice");
    }
    if (train.size() + splits.folds[f].validation.size() + splits.test.size() != subjects.size())
      refuse("the parts of fold ", f, " do not cover all subjects once");
  }
}

// The inner part of a fold: of each class the first round(n / 5) training subjects in a drawn order, at least one, in manifest order. Empty
// when a class has a single one.
std::vector<std::string> inner_part(const Fold& fold, std::size_t index, const std::map<std::string, std::string>& labels,
                                    const std::vector<std::string>& classes, std::uint64_t seed) {
  std::set<std::string> chosen;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    std::vector<std::string> members;
    for (const std::string& subject : fold.train) {
      if (labels.at(subject) == classes[c]) members.push_back(subject);
    }
    if (members.size() < 2) return {};
    const auto count =
        static_cast<std::size_t>(std::max(1.0, std::nearbyint(static_cast<double>(members.size()) * kInnerFraction)));
    const std::vector<int> order = permutation({.seed = seed,
                                                .purpose = Purpose::inner_part,
                                                .sample = static_cast<std::uint32_t>(index),
                                                .op = static_cast<std::uint32_t>(c)},
                                               static_cast<int>(members.size()));
    for (std::size_t i = 0; i < count; ++i) chosen.insert(members[static_cast<std::size_t>(order[i])]);
  }
  std::vector<std::string> inner;
  for (const std::string& subject : fold.train) {
    if (chosen.contains(subject)) inner.push_back(subject);
  }
  return inner;
}

// The first subject that came, went or changed its class since the split was made; empty when none did.
std::string what_changed(const Json& json, const Splits& splits, const Manifest& manifest) {
  std::set<std::string> known(splits.test.begin(), splits.test.end());
  for (const Fold& fold : splits.folds) known.insert(fold.validation.begin(), fold.validation.end());
  const std::map<std::string, std::string> now = manifest.labels();
  for (const auto& [subject, label] : now) {
    if (!known.contains(subject)) return text("the subject '", printable(subject), "' is new");
  }
  for (const std::string& subject : known) {
    if (!now.contains(subject)) return text("the subject '", printable(subject), "' is gone");
  }
  if (!json.contains("labels")) return {};
  for (const auto& [subject, label] : now) {
    const Json& labels = member(json, "labels");
    if (!labels.contains(subject)) continue;
    if (const std::string before = text_in(labels, subject.c_str()); before != label)
      return text("the subject '", printable(subject), "' was '", printable(before), "' and is '", printable(label), "'");
  }
  return "subjects and classes are the same, crops or their order are not";
}

}  // namespace

Splits make_splits(const Manifest& manifest, const SplitOptions& options) {
  check(options);
  Splits splits;
  splits.seed = options.seed;
  splits.test_fraction = options.test_fraction;
  splits.manifest_sha256 = manifest_hash(manifest);
  const auto folds = static_cast<std::size_t>(options.folds);
  splits.folds.resize(folds);
  const std::vector<std::string> subjects = manifest.subjects(), classes = manifest.classes();
  const std::map<std::string, std::string> labels = manifest.labels();
  std::map<std::string, int> validates;  // subject, fold
  std::size_t next = 0;                  // the deal goes on where the class before stopped
  for (std::size_t c = 0; c < classes.size(); ++c) {
    std::vector<std::string> members;
    for (const std::string& subject : subjects) {
      if (labels.at(subject) == classes[c]) members.push_back(subject);
    }
    const auto count = static_cast<double>(members.size());
    const std::size_t test =
        options.test_fraction > 0 ? static_cast<std::size_t>(std::max(1.0, std::nearbyint(count * options.test_fraction))) : 0;
    if (members.size() < folds + test) {
      throw DataError(text(manifest.path, ": the class '", printable(classes[c]), "' has ", members.size(), " subjects, but ",
                           test, " for the test part and ", folds, " folds need at least ", folds + test,
                           ", or the class would be absent from a fold; ",
                           folds > 2                  ? "pass fewer --folds"
                           : test > 0 && count >= 2.0 ? "pass --test-fraction 0"
                                                      : "two subjects of each class are the least"));
    }
    const std::vector<int> order =
        permutation({.seed = options.seed, .purpose = Purpose::split, .op = static_cast<std::uint32_t>(c)},
                    static_cast<int>(members.size()));
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string& subject = members[static_cast<std::size_t>(order[i])];
      validates[subject] = i < test ? -1 : static_cast<int>(next++ % folds);
    }
  }
  for (const std::string& subject : subjects) {  // manifest order within every part
    const int place = validates.at(subject);
    if (place < 0) {
      splits.test.push_back(subject);
      continue;
    }
    for (std::size_t f = 0; f < folds; ++f) {
      (place == static_cast<int>(f) ? splits.folds[f].validation : splits.folds[f].train).push_back(subject);
    }
  }
  for (std::size_t f = 0; f < folds; ++f) splits.folds[f].inner = inner_part(splits.folds[f], f, labels, classes, options.seed);
  splits.labels = labels;
  return splits;
}

std::string splits_json(const Splits& splits) {
  Json json = Json::object();
  json["group"] = "subject_id";
  json["seed"] = splits.seed;
  json["test_fraction"] = splits.test_fraction;
  json["manifest_sha256"] = splits.manifest_sha256;
  json["test"] = splits.test;
  json["folds"] = Json::array();
  for (const Fold& fold : splits.folds)
    json["folds"].push_back({{"train", fold.train}, {"val", fold.validation}, {"inner", fold.inner}});
  json["labels"] = splits.labels;
  return json_text(json);
}

Splits read_splits(const std::filesystem::path& path, const Manifest& manifest) {
  Splits splits;
  splits.path = path;
  std::string changed;  // in the manifest since
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxManifest); });
  try {
    const Json json = parse_json(bytes);
    splits.seed = unsigned_in(json, "seed");
    splits.test_fraction = number_in(json, "test_fraction", 0, 1);
    splits.manifest_sha256 = text_in(json, "manifest_sha256");
    splits.test = texts_in(json, "test");
    for (const Json& fold : member(json, "folds")) {
      splits.folds.push_back({texts_in(fold, "train"), texts_in(fold, "val"), {}});
      if (fold.contains("inner")) splits.folds.back().inner = texts_in(fold, "inner");
    }
    splits.labels = manifest.labels();
    if (splits.manifest_sha256 != manifest_hash(manifest)) changed = what_changed(json, splits, manifest);
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), "; make it with `vitrine split`"));
  }
  if (!changed.empty()) {
    throw DataError(
        text(path, ": it was made from another version of ", manifest.path, " (", changed, "); run `vitrine split` again"));
  }
  if (splits.folds.empty() || splits.folds.size() > kMostFolds)
    throw DataError(text(path, ": it has ", splits.folds.size(), " folds, 1 to ", kMostFolds, " are expected"));
  check_parts(path, splits, manifest);
  return splits;
}

Splits part_of(const Splits& splits, const SplitPart& part) {
  Splits seen;
  seen.path = splits.path;
  seen.part = part;
  seen.seed = splits.seed;
  seen.manifest_sha256 = splits.manifest_sha256;
  seen.test_fraction = part.test ? splits.test_fraction : 0;
  if (part.test) seen.test = splits.test;
  if (part.folds.empty()) seen.folds = splits.folds;
  for (const int fold : part.folds) {
    if (fold < 0 || static_cast<std::size_t>(fold) >= splits.folds.size())
      throw UsageError(text("fold ", fold, " was asked for, the split has the folds 0 to ", splits.folds.size() - 1));
    seen.folds.push_back(splits.folds[static_cast<std::size_t>(fold)]);
  }
  for (const Fold& fold : seen.folds) {
    for (const std::string& subject : splits.test) {
      for (const auto* subjects : {&fold.train, &fold.validation}) {
        if (std::find(subjects->begin(), subjects->end(), subject) != subjects->end())
          throw DataError(text("the subject '", printable(subject),
                               "' of the test part lies in a fold as well; run `vitrine split` again"));
      }
    }
  }
  return seen;
}

Manifest part_of(const Manifest& manifest, const Splits& splits, const SplitPart& part) {
  if (part.test) return manifest;
  const std::set<std::string> test(splits.test.begin(), splits.test.end());
  Manifest seen = manifest;
  std::erase_if(seen.samples, [&](const Sample& sample) { return test.contains(sample.subject_id); });
  if (seen.classes() != manifest.classes())
    throw DataError(text(manifest.path, ": a class has subjects in the test part only; run `vitrine split` again"));
  return seen;
}

}  // namespace vitrine
