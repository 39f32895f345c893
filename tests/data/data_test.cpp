#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/manifest.h"
#include "data/mixup.h"
#include "data/permutation.h"
#include "data/sampler.h"
#include "data/split.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;

class Cohort : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("vitrine-data-" + std::to_string(::getpid()));
    fs::create_directories(folder);
    manifest.path = folder / "manifest.csv";
  }
  void TearDown() override { fs::remove_all(folder); }

  // `count` subjects of each class, a varying number of slices.
  void fill(int nsclc, int sclc) {
    for (int i = 0; i < nsclc + sclc; ++i) {
      for (int slice = 0; slice <= i % 3; ++slice) {
        const std::string subject = "sub-" + std::to_string(i);
        manifest.samples.push_back({subject + "-" + std::to_string(slice), subject, 1, slice, i < nsclc ? "NSCLC" : "SCLC",
                                    "c.safetensors", "", 30, ""});
      }
    }
    write_manifest(manifest);
  }

  fs::path folder;
  Manifest manifest;
};

using Manifests = Cohort;
using SplitsTest = Cohort;
using Datasets = Cohort;

TEST_F(Manifests, RoundTrip) {
  fill(3, 2);
  const Manifest back = read_manifest(manifest.path);
  EXPECT_EQ(back.samples.size(), manifest.samples.size());
  EXPECT_EQ(back.classes(), (std::vector<std::string>{"NSCLC", "SCLC"}));
  EXPECT_EQ(back.subjects().size(), 5u);
  EXPECT_EQ(back.labels().at("sub-4"), "SCLC");
  EXPECT_EQ(back.samples[1].side_mm, 30);
}

TEST_F(Manifests, RefuseContradictions) {
  const auto refusal = [&](const std::string& rows) {
    write_file(manifest.path, "sample_id,subject_id,lesion_id,slice,label,file\n" + rows);
    try {
      read_manifest(manifest.path);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(refusal("a,s,1,1,NSCLC,f\nb,s,1,1,SCLC,f\n").find("'NSCLC' (line 2) and 'SCLC'"), std::string::npos);
  EXPECT_NE(refusal("a,s,1,1,NSCLC,f\na,t,1,1,SCLC,f\n").find("twice"), std::string::npos);
  EXPECT_NE(refusal("a,s,1,1,NSCLC,f\nb,t,1,1,NSCLC,f\n").find("two classes"), std::string::npos);
  EXPECT_NE(refusal("").find("no rows"), std::string::npos);
  EXPECT_NE(refusal("a,s,one,1,NSCLC,f\n").find("whole number"), std::string::npos);
  EXPECT_NE(refusal("a,s,1,1,NSCLC,../f\n").find("leaves"), std::string::npos);
  EXPECT_NE(refusal("a,s,1,1,,f\n").find("'label' is empty"), std::string::npos);
}

TEST_F(SplitsTest, AreDisjointCompleteAndStratified) {
  fill(23, 14);
  const Splits splits = make_splits(manifest, {.test_fraction = 0.1, .folds = 5, .seed = 3});
  std::set<std::string> seen(splits.test.begin(), splits.test.end());
  EXPECT_EQ(seen.size(), 3u);  // round(2.3) + round(1.4)
  std::map<std::string, std::vector<int>> per_class;
  for (const Fold& fold : splits.folds) {
    std::map<std::string, int> count;
    for (const std::string& subject : fold.validation) {
      EXPECT_TRUE(seen.insert(subject).second) << subject << " lies in two parts";
      ++count[manifest.labels().at(subject)];
      EXPECT_EQ(std::count(fold.train.begin(), fold.train.end(), subject), 0);
    }
    for (const auto& [label, n] : count) per_class[label].push_back(n);
    EXPECT_EQ(fold.train.size() + fold.validation.size() + splits.test.size(), 37u);
  }
  EXPECT_EQ(seen.size(), 37u);
  for (const auto& [label, counts] : per_class) {
    EXPECT_EQ(counts.size(), 5u);
    EXPECT_LE(*std::max_element(counts.begin(), counts.end()) - *std::min_element(counts.begin(), counts.end()), 1) << label;
  }
  EXPECT_EQ(make_splits(manifest, {.seed = 3}).test, splits.test);
  EXPECT_NE(make_splits(manifest, {.seed = 4}).folds[0].validation, splits.folds[0].validation);
}

TEST_F(SplitsTest, HaveInnerPartsOfEachClass) {
  fill(23, 14);
  const Splits splits = make_splits(manifest, {.seed = 3});
  const std::map<std::string, std::string> labels = manifest.labels();
  for (const Fold& fold : splits.folds) {
    std::map<std::string, int> all, inner;
    for (const std::string& subject : fold.train) ++all[labels.at(subject)];
    for (const std::string& subject : fold.inner) {
      EXPECT_EQ(std::count(fold.train.begin(), fold.train.end(), subject), 1);
      ++inner[labels.at(subject)];
    }
    for (const auto& [label, n] : all) EXPECT_EQ(inner[label], std::lround(n * 0.2)) << label;
  }
  EXPECT_NE(splits.folds[0].inner, splits.folds[1].inner);
  const fs::path path = folder / "splits.json";
  write_file(path, splits_json(splits));
  EXPECT_EQ(read_splits(path, manifest).folds[3].inner, splits.folds[3].inner);
  Splits leaking = splits;
  leaking.folds[1].inner.push_back(splits.folds[1].validation[0]);
  write_file(path, splits_json(leaking));
  EXPECT_THROW(read_splits(path, manifest), DataError);
}

TEST_F(SplitsTest, SayWhatChangedInTheManifest) {
  fill(8, 7);
  const fs::path path = folder / "splits.json";
  write_file(path, splits_json(make_splits(manifest, {})));
  const std::string before = read_file(manifest.path, 1u << 20);
  const auto refusal = [&](const std::string& bytes) {
    write_file(manifest.path, bytes);
    try {
      read_splits(path, read_manifest(manifest.path));
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::string last = before.substr(before.rfind('\n', before.size() - 2) + 1), id = last.substr(last.find(',') + 1);
  const std::string subject = id.substr(0, id.find(','));
  // Every line of the last subject, changed.
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string out;
    for (std::size_t at = 0; at < before.size();) {
      const std::size_t end = before.find('\n', at) + 1;
      std::string line = before.substr(at, end - at);
      if (line.find("," + subject + ",") != std::string::npos) {
        if (from.empty()) line.clear();
        if (const std::size_t place = line.find(from); !from.empty() && place != std::string::npos)
          line.replace(place, from.size(), to);
      }
      out += line;
      at = end;
    }
    return out;
  };
  EXPECT_NE(refusal(with("", "")).find("'" + subject + "' is gone"), std::string::npos) << refusal(with("", ""));
  const std::string renamed = with("," + subject + ",", ",sub-new,");
  EXPECT_NE(refusal(renamed).find("'sub-new' is new"), std::string::npos) << refusal(renamed);
  const std::string relabelled = with(",SCLC,", ",NSCLC,");
  EXPECT_NE(refusal(relabelled).find("was 'SCLC' and is 'NSCLC'"), std::string::npos) << refusal(relabelled);
  EXPECT_NE(refusal(before + "\n").find("crops or their order"), std::string::npos) << refusal(before + "\n");
  EXPECT_EQ(refusal(before), "accepted");
}

TEST_F(SplitsTest, RefuseAClassThatWouldBeAbsentFromAFold) {
  fill(9, 5);
  try {
    make_splits(manifest, {});
    FAIL() << "5 subjects were dealt to a test part and 5 folds";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("absent from a fold"), std::string::npos);
  }
  EXPECT_THROW(make_splits(manifest, {.folds = 1}), UsageError);
  EXPECT_THROW(make_splits(manifest, {.test_fraction = 1.0}), UsageError);
}

TEST_F(SplitsTest, ReadBackAndRefuseTampering) {
  fill(8, 7);
  const Splits splits = make_splits(manifest, {});
  const fs::path path = folder / "splits.json";
  write_file(path, splits_json(splits));
  const Splits back = read_splits(path, manifest);
  EXPECT_EQ(back.test, splits.test);
  EXPECT_EQ(back.folds[2].train, splits.folds[2].train);
  const auto refused_for = [&](const std::string& subject, const std::string& why) {
    Splits leaking = splits;
    leaking.folds[0].train.push_back(subject);
    write_file(path, splits_json(leaking));
    try {
      read_splits(path, manifest);
      ADD_FAILURE() << why;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(text("trains on the subject '", subject, "', which ", why)));
    }
  };
  refused_for(splits.test[0], "is in the test part");
  refused_for(splits.folds[0].validation[0], "is in its validation part");
  refused_for(splits.folds[0].train[0], "is there twice");
  refused_for("nobody", "is not in the manifest");
  Splits leaking = splits;
  leaking.folds[0].validation.push_back(splits.folds[1].validation[0]);
  write_file(path, splits_json(leaking));
  EXPECT_THROW(read_splits(path, manifest), DataError);
  write_file(path, splits_json(splits));
  manifest.samples.pop_back();
  write_manifest(manifest);
  EXPECT_THROW(read_splits(path, manifest), DataError);  // the manifest has changed since
  write_file(path, "{\"seed\": 1}");
  EXPECT_THROW(read_splits(path, manifest), DataError);
}

TEST_F(Datasets, ChooseChannelsAndCheckCrops) {
  fill(1, 1);
  std::vector<float> values;
  for (int i = 0; i < 2 * 2 * 3; ++i) values.push_back(static_cast<float>(i) / 12.0f);
  const TensorFile crop{{StoredTensor::from("image", Tensor::from({2, 2, 3}, values))}, {{"channels", "t1c,flair,t2"}}};
  write_safetensors(folder / "c.safetensors", crop);
  const Dataset all = load_dataset(manifest, {"sub-0"}, input_configuration("t1c+flair+t2"));
  EXPECT_EQ(all.images[0].host()[4], values[4]);
  const Dataset flair = load_dataset(manifest, {"sub-1"}, input_configuration("flair"));
  EXPECT_EQ(flair.labels[0], 1);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(flair.images[0].host()[static_cast<std::size_t>(c)], values[1]);
  EXPECT_THROW(input_configuration("t3"), UsageError);
  manifest.samples[0].sha256 = "0";
  EXPECT_THROW(load_dataset(manifest, {"sub-0"}, input_configuration("t2")), DataError);
  manifest.samples[0].sha256.clear();
  write_safetensors(folder / "c.safetensors",
                    {{StoredTensor::from("image", Tensor::from({2, 2, 3}, values))}, {{"channels", "t1c,flair,adc"}}});
  EXPECT_THROW(load_dataset(manifest, {"sub-0"}, input_configuration("t2")), DataError);
  values[5] = std::nanf("");  // of the channel t2
  write_safetensors(folder / "c.safetensors",
                    {{StoredTensor::from("image", Tensor::from({2, 2, 3}, values))}, {{"channels", "t1c,flair,t2"}}});
  EXPECT_THROW(load_dataset(manifest, {"sub-0"}, input_configuration("t2")), DataError);
  fs::remove(folder / "c.safetensors");
  EXPECT_THROW(load_dataset(manifest, {"sub-0"}, input_configuration("t2")), DataError);
}

TEST_F(Datasets, LeaveOutWhoLacksASeriesAndSaySo) {
  fill(1, 1);
  const std::vector<float> values(2 * 2 * 2, 0.5f);
  write_safetensors(folder / "c.safetensors", {{StoredTensor::from("image", Tensor::from({2, 2, 2}, values))},
                                               {{"channels", "t1c,flair"}, {"without", "t2"}}});
  manifest.samples[0].sha256.clear();
  EXPECT_EQ(load_dataset(manifest, {"sub-0"}, input_configuration("flair")).images.size(), 1u);
  const InputConfiguration three = input_configuration("t1c+flair+t2");
  const Dataset none = load_dataset(manifest, {"sub-0"}, three);
  EXPECT_TRUE(none.images.empty());
  EXPECT_THAT(left_out(none, three), ::testing::HasSubstr("1 crop of 1 subject left out, which lack a series of it (sub-0)"));
  EXPECT_EQ(load_crop(manifest, manifest.samples[0]).channels.size(), 2u);
}

TEST(Sampler, OversamplingShowsEveryClassEquallyOften) {
  const std::vector<int> labels = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1};
  const std::vector<int> order = epoch_order(labels, 2, Balance::oversample, 5, 1);
  ASSERT_EQ(order.size(), 14u);
  std::map<int, int> uses;
  for (const int i : order) ++uses[i];
  for (int i = 0; i < 7; ++i) EXPECT_EQ(uses[i], 1);
  int ones = 0;
  for (int i = 7; i < 10; ++i) {
    EXPECT_GE(uses[i], 2);
    EXPECT_LE(uses[i], 3);
    ones += uses[i];
  }
  EXPECT_EQ(ones, 7);
  EXPECT_EQ(epoch_order(labels, 2, Balance::oversample, 5, 1), order);
  EXPECT_NE(epoch_order(labels, 2, Balance::oversample, 5, 2), order);
  std::vector<int> plain = epoch_order(labels, 2, Balance::none, 5, 1);
  std::sort(plain.begin(), plain.end());
  EXPECT_EQ(plain, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

Tensor ramp(std::int64_t size) {
  Tensor t = Tensor::uninitialized({size, size, 3});
  const auto v = t.mutable_host();
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>((i * 37) % 101) / 101.0f;
  return t;
}

std::vector<float> values_of(const Tensor& t) { return {t.host().begin(), t.host().end()}; }

TEST(Augment, WithoutOptionsChangesNothing) {
  const Tensor image = ramp(16);
  const AugmentOptions none{.max_rotate_degrees = 0, .max_zoom = 1, .max_lighting = 0, .flip_horizontal = false};
  EXPECT_EQ(values_of(augment(image, none, 1, 2, 3)), values_of(image));
}

TEST(Augment, FlipsAreExact) {
  const Tensor image = ramp(16);
  const AugmentOptions flips{.max_rotate_degrees = 0, .max_zoom = 1, .max_lighting = 0, .flip_horizontal = true};
  std::vector<float> mirrored;
  for (std::size_t y = 0; y < 16; ++y)
    for (std::size_t x = 0; x < 16; ++x)
      for (std::size_t c = 0; c < 3; ++c) mirrored.push_back(image.host()[(y * 16 + 15 - x) * 3 + c]);
  int flipped = 0;
  for (std::uint32_t sample = 0; sample < 200; ++sample) {
    const std::vector<float> view = values_of(augment(image, flips, 1, 1, sample));
    EXPECT_TRUE(view == values_of(image) || view == mirrored);
    flipped += view == mirrored ? 1 : 0;
  }
  EXPECT_NEAR(flipped, 100, 36);  // five standard deviations of 200 fair draws
}

TEST(Augment, KeepsConstantsTheRangeAndItsCoordinates) {
  const AugmentOptions geometry{.max_lighting = 0};
  const Tensor constant = Tensor::full({16, 16, 3}, 0.25f);
  for (const float v : values_of(augment(constant, geometry, 1, 1, 1))) EXPECT_EQ(v, 0.25f);
  const Tensor image = ramp(20);
  const std::vector<float> view = values_of(augment(image, {}, 9, 4, 7));
  EXPECT_EQ(values_of(augment(image, {}, 9, 4, 7)), view);
  EXPECT_NE(values_of(augment(image, {}, 9, 4, 8)), view);
  for (const float v : view) {
    EXPECT_GE(v, 0);
    EXPECT_LE(v, 1);
  }
}

TEST(Augment, LightingStaysWithinItsBounds) {
  const AugmentOptions light{
      .max_rotate_degrees = 0, .max_zoom = 1, .max_lighting = 0.2, .lighting_probability = 1, .flip_horizontal = false};
  for (std::uint32_t sample = 0; sample < 100; ++sample) {
    const double v = static_cast<double>(augment(Tensor::full({2, 2, 1}, 0.5f), light, 3, 1, sample).host()[0]);
    const double logit = std::log(v / (1 - v));
    EXPECT_LE(std::abs(logit), std::log(0.6 / 0.4) / 0.8 + 1e-6);  // brightness at most logit(0.6), contrast at most 1.25
  }
}

TEST(Mixup, KeepsDistributionsAndOrder) {
  const Batch batch{Tensor::from({3, 1, 1, 2}, std::vector<float>{0, 1, 10, 11, 20, 21}),
                    Tensor::from({3, 2}, std::vector<float>{1, 0, 0, 1, 1, 0})};
  const Batch same = mixup(batch, 0, 1, 1, 0);
  EXPECT_EQ(values_of(same.images), values_of(batch.images));
  bool changed = false;
  for (std::uint32_t epoch = 1; epoch < 30; ++epoch) {
    const Batch mixed = mixup(batch, 0.4, 1, epoch, 0);
    const std::vector<float> t = values_of(mixed.targets), x = values_of(mixed.images);
    for (std::size_t n = 0; n < 3; ++n) {
      EXPECT_NEAR(t[2 * n] + t[2 * n + 1], 1, 1e-6);
      // lambda is at least one half, so the sample itself dominates.
      EXPECT_LE(std::abs(x[2 * n] - batch.images.host()[2 * n]), 10.0001f);
      EXPECT_NEAR(x[2 * n + 1] - x[2 * n], 1, 1e-5);
    }
    changed = changed || x != values_of(batch.images);
  }
  EXPECT_TRUE(changed);
  EXPECT_THROW(mixup(batch, -1, 1, 1, 0), UsageError);
}

TEST(Mixup, OfABatchHasOneShareForAll) {
  int below_half = 0;
  for (std::uint32_t first = 0; first < 400; first += 4) {
    const std::vector<Mix> mixes = drawn_mixes(4, 1.0, 5, 1, first, MixupMode::batch);
    for (const Mix& m : mixes) EXPECT_EQ(m.lambda, mixes[0].lambda);
    below_half += mixes[0].lambda < 0.5f ? 1 : 0;
  }
  EXPECT_NEAR(below_half, 50, 25);  // five deviations of a uniform share: it is not turned over
  EXPECT_THROW(mixup_mode_from_name("batches"), UsageError);
}

// fast.ai 1's callback: classes x largest class draws with replacement, every class as likely.
TEST(Sampler, DrawsWithReplacementByClass) {
  std::vector<int> labels(30, 0);
  for (int i = 0; i < 10; ++i) labels.push_back(1);
  std::map<int, int> times;
  int second = 0;
  for (std::uint32_t epoch = 1; epoch <= 100; ++epoch) {
    const std::vector<int> order = epoch_order(labels, 2, Balance::draw, 7, epoch);
    ASSERT_EQ(order.size(), 60u);
    for (const int i : order) ++times[i], second += labels[static_cast<std::size_t>(i)];
    EXPECT_EQ(order, epoch_order(labels, 2, Balance::draw, 7, epoch));
  }
  EXPECT_NEAR(second, 3000, 194);                                                     // five deviations of 6,000 fair draws
  EXPECT_EQ(times.size(), 40u);                                                       // everyone is drawn sooner or later
  for (int i = 0; i < 30; ++i) EXPECT_NEAR(times[i], 100, 50) << i;                   // 3,000 draws of 30
  for (int i = 30; i < 40; ++i) EXPECT_NEAR(times[i], 300, 87) << i;                  // 3,000 draws of 10
  EXPECT_EQ(epoch_order(std::vector<int>{1, 1}, 3, Balance::draw, 1, 1).size(), 2u);  // absent classes are not drawn
}

TEST(Permutation, IsOneAndUniform) {
  std::map<int, int> first;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    std::vector<int> order = permutation({.seed = 1, .sample = i}, 5);
    ++first[order[0]];
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  }
  for (const auto& [value, count] : first) EXPECT_NEAR(count, 1000, 142);  // five standard deviations
  EXPECT_TRUE(permutation({}, 0).empty());
}

}  // namespace
}  // namespace vitrine::testing
