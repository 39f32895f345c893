// What lies in two parts of a fold is found, and only that.
#include <gmock/gmock.h>

#include "audit/lineage_leaks.h"
#include "base/error.h"
#include "tests/audit/lineage_run.h"

namespace vitrine::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Leaks : public UntrainedRun {
 protected:
  // Two subjects of a class, of different parts of fold 0 or of one.
  std::pair<std::string, std::string> subjects(bool apart) const {
    const Fold& f = splits.folds[0];
    return {f.train[0], apart ? f.validation[0] : f.train[1]};
  }
  // Writes a crop anew and puts its hash into the manifest.
  void rewrite(const std::string& subject, const std::function<void(TensorFile&)>& change) {
    for (Sample& s : manifest.samples) {
      if (s.subject_id != subject) continue;
      TensorFile crop = read_safetensors(folder / "m" / s.file);
      for (StoredTensor& t : crop.tensors) t = t.in_memory();
      change(crop);
      const std::string bytes = safetensors_bytes(crop);
      s.sha256 = sha256(bytes);
      write_file(folder / "m" / s.file, bytes);
      return;
    }
  }
  Tensor image_of(const std::string& subject) const {
    for (const Sample& s : manifest.samples) {
      if (s.subject_id == subject) return read_safetensors(folder / "m" / s.file).at("image").to_float();
    }
    return {};
  }
  std::vector<Leak> leaks(bool nested = false) const { return find_leaks(splits, nested, crop_fingerprints(manifest)); }
};

TEST_F(Leaks, ACleanCohortHasNone) {
  EXPECT_TRUE(leaks().empty());
  EXPECT_TRUE(leaks(true).empty());
}

TEST_F(Leaks, OneImageUnderTwoNamesIsFoundWhereTheyLieInTwoParts) {
  const auto [a, b] = subjects(true);
  const Tensor image = image_of(a);
  rewrite(b, [&](TensorFile& crop) {  // its T2 becomes the other's T1c
    Tensor other = crop.at("image").to_float().clone();
    const auto to = other.mutable_host();
    for (std::size_t p = 0; p < to.size(); p += 3) to[p + 2] = image.host()[p];
    crop.tensors = {StoredTensor::from("image", other)};
  });
  const std::vector<Leak> found = leaks();
  ASSERT_EQ(found.size(), 2U);  // in both folds they lie apart: of two folds one's validation is the other's training part
  EXPECT_EQ(found[0].fold, 0);
  EXPECT_EQ(found[0].kind, "pixels");
  EXPECT_THAT(text_of(found[0]), AllOf(HasSubstr("train has it as"), HasSubstr("validation has it as"),
                                       HasSubstr("(t1c) of " + a), HasSubstr("(t2) of " + b)));
}

TEST_F(Leaks, WithinAPartIsNone) {
  const auto [a, b] = subjects(false);
  const Tensor image = image_of(a);
  rewrite(b, [&](TensorFile& crop) { crop.tensors = {StoredTensor::from("image", image)}; });
  for (const Leak& l : leaks()) EXPECT_EQ(l.fold, 1) << text_of(l);
}

TEST_F(Leaks, ACropThatNamesAnotherSubjectIsFound) {
  const std::string b = splits.test[0], a = splits.folds[1].train[0];
  rewrite(b, [&, who = a](TensorFile& crop) { crop.metadata["subject_id"] = who; });
  const std::vector<Leak> found = leaks();
  ASSERT_GE(found.size(), 2U);  // test against train or validation, in each fold
  for (const Leak& l : found) {
    EXPECT_EQ(l.kind, "subject");
    EXPECT_TRUE(l.first.part == "test" || l.second.part == "test");
  }
}

TEST_F(Leaks, VolumesThatAreSharedAndSubjectsInTwoPartsAreFound) {
  const auto [a, b] = subjects(true);
  std::vector<Fingerprint> prints = crop_fingerprints(manifest);
  prints.push_back({a, "volume file", "abc", "t1c"});
  prints.push_back({b, "volume file", "abc", "flair"});
  prints.push_back({a, "volume", "abc", "t1c"});  // another kind
  EXPECT_EQ(find_leaks(splits, false, prints).size(), 2U);
  Splits both = splits;
  both.folds[0].validation.push_back(a);
  const std::vector<Leak> found = find_leaks(both, false, crop_fingerprints(manifest));
  ASSERT_FALSE(found.empty());
  for (const Leak& l : found) EXPECT_EQ(l.fold, 0);
  // The inner part counts where it is not trained on.
  const Fold& f = splits.folds[0];
  ASSERT_FALSE(f.inner.empty());
  std::string trained;
  for (const std::string& s : f.train) trained = std::find(f.inner.begin(), f.inner.end(), s) == f.inner.end() ? s : trained;
  const std::vector<Fingerprint> pair{{f.inner[0], "volume", "x", "t2"}, {trained, "volume", "x", "t2"}};
  const auto of_fold = [&](bool nested) {
    const std::vector<Leak> all = find_leaks(splits, nested, pair);
    return std::count_if(all.begin(), all.end(), [](const Leak& l) { return l.fold == 0; });
  };
  EXPECT_EQ(of_fold(false), 0);
  EXPECT_EQ(of_fold(true), 1);
}

TEST_F(Leaks, ACropThatWasChangedIsRefused) {
  write_file(folder / "m" / manifest.samples[0].file, "x");
  EXPECT_THROW(crop_fingerprints(manifest), DataError);
}

}  // namespace
}  // namespace vitrine::testing
