// From a pixel of a batch to the crops' pixels: the batches of a run made again, and each pixel from what the lineage names alone.
#include <gmock/gmock.h>

#include <bit>
#include <set>

#include "audit/lineage.h"
#include "base/error.h"
#include "data/sampler.h"
#include "tensor/philox.h"
#include "tests/audit/lineage_run.h"
#include "train/control.h"
#include "train/device/host_training.h"
#include "train/run_source.h"
#include "train/trainer.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::uint32_t bits(float v) { return std::bit_cast<std::uint32_t>(v); }

class LineageOfBatches : public UntrainedRun {
 protected:
  // Every batch of an epoch as train/cross_validation.cpp and train/trainer.cpp make them, from the whole training part.
  Batch trained(const TrainOptions& o, const Semantics& semantics, int fold, std::int64_t step) const {
    const Fold& f = splits.folds[static_cast<std::size_t>(fold)];
    std::vector<std::string> subjects;
    for (const std::string& s : f.train) {
      if (o.select != "nested" || std::find(f.inner.begin(), f.inner.end(), s) == f.inner.end()) subjects.push_back(s);
    }
    Dataset data = load_dataset(manifest, subjects, input_configuration(o.inputs));
    apply(control_from_name(o.control), splits, o.seed, false, data);
    const auto order_of = [&](std::uint32_t epoch) { return epoch_order(data.labels, 2, balance_of(o), o.seed, epoch); };
    const auto per_epoch = static_cast<std::int64_t>((order_of(1).size() + static_cast<std::size_t>(o.batch_size) - 1) /
                                                     static_cast<std::size_t>(o.batch_size));
    const auto epoch = static_cast<std::uint32_t>(step / per_epoch + 1);
    return training_batch(data, order_of(epoch), static_cast<std::size_t>(step % per_epoch * o.batch_size), semantics, o,
                          epoch);
  }

  // Random pixels of random batches: what training is given, rebuilt from the crops.
  void expect_rebuilt(const TrainOptions& o, std::uint32_t seed, std::uint32_t count = 12) {
    const std::filesystem::path folder_of_run = run(o, "run" + std::to_string(seed));
    const Semantics semantics = starting_network(o, 2).semantics;
    const std::array<LineageRun, 2> runs{read_lineage_run(folder_of_run, 0), read_lineage_run(folder_of_run, 1)};
    for (std::uint32_t n = 0; n < count; ++n) {
      const Draw draw{.seed = seed, .sample = n};
      const int fold = static_cast<int>(draw.below(0, 2));
      const LineageRun& r = runs[static_cast<std::size_t>(fold)];
      const auto step = static_cast<std::int64_t>(draw.below(1, static_cast<std::uint32_t>(r.steps)));
      const LineageBatch batch = batch_of_step(r, step);
      const Tensor whole = trained(o, semantics, fold, step).images;
      const Tensor again = inputs_of(r, batch).images;
      ASSERT_EQ(whole.shape(), again.shape());
      ASSERT_EQ(std::memcmp(whole.host().data(), again.host().data(), static_cast<std::size_t>(whole.size()) * sizeof(float)),
                0);
      const std::int64_t slot = draw.below(2, static_cast<std::uint32_t>(batch.count)),
                         c = draw.below(3, static_cast<std::uint32_t>(whole.shape()[3]));
      const bool edge = n % 3 == 0;
      const std::int64_t y = edge ? 39 * draw.below(4, 2) : draw.below(4, 40),
                         x = edge ? 39 * draw.below(5, 2) : draw.below(5, 40);
      const PixelLineage p = trace_pixel(r, batch, slot, c, y, x);
      const Shape& s = whole.shape();
      EXPECT_EQ(bits(p.trained), bits(whole.host()[static_cast<std::size_t>(((slot * s[1] + y) * s[2] + x) * s[3] + c)]));
      std::vector<std::vector<float>> values;
      for (const PixelUse& use : p.uses) {
        values.push_back(crop_values(r, use, p.channel));
        double sum = 0;
        for (const ImagePixel& pixel : use.pixels) sum += pixel.weight;
        EXPECT_NEAR(sum, 1, 1e-12);
      }
      EXPECT_EQ(bits(rebuilt_pixel(r, batch, p, values)), bits(p.trained)) << n;
      for (std::vector<float>& of_use : values) {
        for (float& v : of_use) v += 0.25f;
      }
      EXPECT_NE(bits(rebuilt_pixel(r, batch, p, values)), bits(p.trained)) << n;
    }
  }
};

TEST_F(LineageOfBatches, PixelsAreRebuiltUnderEveryWayOfMakingABatch) {
  TrainOptions o = options();
  expect_rebuilt(o, 1);
  o.mixup = 0;
  expect_rebuilt(o, 2);
  o.augmentation = false;
  expect_rebuilt(o, 3);
  o.mixup = 0.4;
  o.mixup_mode = "batch";
  o.inputs = "flair";
  o.balance = Balance::none;
  expect_rebuilt(o, 4);
  o = options();
  o.flip = "both";
  o.augment.max_warp = 0.2;
  o.oversample_by = "draws";
  o.select = "nested";
  expect_rebuilt(o, 5);
  o = options();
  o.inputs = "t2";
  o.first_conv = "sum";  // a network of one channel
  o.seed = 7;
  expect_rebuilt(o, 6);
}

TEST_F(LineageOfBatches, AndUnderEveryControl) {
  TrainOptions o = options();
  o.augment.max_zoom = 1;
  for (const char* control : {"permuted-labels", "background", "swapped-channels"}) {
    o.control = control;
    expect_rebuilt(o, 20 + static_cast<std::uint32_t>(control[0]), 6);
  }
}

TEST_F(LineageOfBatches, TheWayBackMeetsTheWayForth) {
  TrainOptions o = options();
  const LineageRun r = read_lineage_run(run(o), 1);
  const LineageBatch batch = batch_of_step(r, r.steps - 1);
  const PixelLineage p = trace_pixel(r, batch, 0, 1, 20, 17);
  const PixelUse& use = p.uses.front();
  const ImagePixel& source = use.pixels.back();
  const std::vector<TouchedInput> touched = touched_inputs(r, batch, use.sample.sample_id, "flair", {{source.y, source.x, 1}});
  double found = 0;
  for (const TouchedInput& t : touched) {
    EXPECT_EQ(t.c, 1);
    const PixelLineage forth = trace_pixel(r, batch, static_cast<std::int64_t>(t.slot), t.c, t.y, t.x);
    double weight = 0, all = 0;
    for (const PixelUse& u : forth.uses) {
      if (u.sample.sample_id != use.sample.sample_id) continue;
      for (const ImagePixel& q : u.pixels) {
        if (q.y == source.y && q.x == source.x) weight += static_cast<double>(u.share) * q.weight;
      }
    }
    for (const TouchedInput& same : touched)
      all += same.slot == t.slot && same.c == t.c && same.y == t.y && same.x == t.x ? same.weight : 0;
    EXPECT_NEAR(weight, all, 1e-12);
    if (t.slot == 0 && t.y == 20 && t.x == 17) found = all;
  }
  EXPECT_GE(found + 1e-12, static_cast<double>(use.share) * source.weight);
  EXPECT_TRUE(touched_inputs(r, batch, use.sample.sample_id, "nothing", {{source.y, source.x, 1}}).empty());
}

TEST_F(LineageOfBatches, WhatIsOutOfRangeOrNoRunIsRefusedWithTheRange) {
  const std::filesystem::path here = run(options());
  const LineageRun r = read_lineage_run(here, 0);
  EXPECT_THAT([&] { read_lineage_run(here, 2); }, ThrowsMessage<UsageError>(HasSubstr("the folds 0 to 1")));
  EXPECT_THAT([&] { batch_of_step(r, -1); },
              ThrowsMessage<UsageError>(HasSubstr("has the steps 0 to " + std::to_string(r.steps - 1))));
  EXPECT_THROW(batch_of_step(r, r.steps), UsageError);
  const LineageBatch batch = batch_of_step(r, 1);
  EXPECT_THAT([&] { trace_pixel(r, batch, 5, 0, 0, 0); }, ThrowsMessage<UsageError>(HasSubstr("--slot is 5, expected 0 to 4")));
  EXPECT_THAT([&] { trace_pixel(r, batch, 0, 3, 0, 0); },
              ThrowsMessage<UsageError>(HasSubstr("channel of --pixel is 3, expected 0 to 2")));
  EXPECT_THAT([&] { trace_pixel(r, batch, 0, 0, 40, 0); },
              ThrowsMessage<UsageError>(HasSubstr("row of --pixel is 40, expected 0 to 39")));
  EXPECT_THAT([&] { trace_pixel(r, batch, 0, 0, 0, -1); }, ThrowsMessage<UsageError>(HasSubstr("column of --pixel is -1")));
  TrainOptions twice = options();
  twice.select = "nested-refit";
  const std::filesystem::path refit = run(twice, "refit");
  EXPECT_THAT([&] { read_lineage_run(refit, 0); }, ThrowsMessage<DataError>(HasSubstr("each fold twice")));
  EXPECT_THAT([&] { read_run_data(folder / "m"); }, ThrowsMessage<DataError>(HasSubstr("is not a run's folder")));
  std::filesystem::create_directories(folder / "study/runs");
  std::filesystem::rename(here, folder / "study/runs/t1c");
  EXPECT_THAT([&] { read_run_data(folder / "study"); },
              ThrowsMessage<DataError>(HasSubstr("is the folder of a study; name one of its runs")));
}

TEST_F(LineageOfBatches, AnotherVersionAChangedCropAndUnknownWordsAreRefused) {
  const std::filesystem::path here = run(options());
  const std::string good = read_file(here / "config.json", 1u << 20);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    const std::size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_file(here / "config.json", bytes.replace(at, from.size(), to));
  };
  with("\"version\": \"" + std::string(version()), "\"version\": \"0.0.1");
  EXPECT_THAT([&] { read_lineage_run(here, 0); }, ThrowsMessage<DataError>(HasSubstr("was made by version 0.0.1")));
  with("oversample by repeats", "oversample by magic");
  EXPECT_THROW(read_lineage_run(here, 0), Error);
  with("best epoch", "worst epoch");
  EXPECT_THAT([&] { read_lineage_run(here, 0); }, ThrowsMessage<DataError>(HasSubstr("select is worst epoch")));
  with("\"batch_size\": \"5\"", "\"batch_size\": \"-5\"");
  EXPECT_THAT([&] { read_lineage_run(here, 0); }, ThrowsMessage<DataError>(HasSubstr("batch-size")));
  write_file(here / "config.json", good);
  const LineageRun r = read_lineage_run(here, 0);
  const Sample s = batch_of_step(r, 1).sample(0);
  write_file(folder / "m" / s.file, read_file(folder / "m" / s.file, 1u << 20) + "x");
  EXPECT_THROW(batch_of_step(r, 1), DataError);
  write_file(folder / "splits.json", "{}");
  EXPECT_THROW(read_lineage_run(here, 0), DataError);
}

}  // namespace
}  // namespace vitrine::testing
