// From one pixel of a batch to the pixels of the crops that it was made of, and back.
//
// Chain      input = (view - mean) / deviation by colour;  view = relit(bilinear of four crop pixels);  with mixup lambda times the sample's own
//            and 1 - lambda times its partner's (data/view.h, data/mixup.h, data/batch.h)
// Control    with --control background the disc of a crop is filled with the mean of what lies outside: a pixel in it is made of all of those
// Proof      rebuilt_pixel makes the batch again from nothing but the crop pixels that the chain names; every other pixel is NaN, so that one
//            that was forgotten would show
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "audit/lineage_run.h"
#include "data/view.h"
#include "tensor/tensor_hash.h"

namespace vitrine {

// A pixel of a sample's image, before augmentation, and its part of the pixel that is looked at.
struct ImagePixel {
  std::int64_t y = 0, x = 0;
  double weight = 0;     // bilinear; they sum to 1
  bool is_mean = false;  // filled with the mean of the pixels outside the disc (--control background)
};

// One of the samples that are mixed.
struct PixelUse {
  std::size_t slot = 0;  // of the batch
  Sample sample;
  float share = 1;                                       // lambda, or the rest
  View view;                                             // identity without augmentation
  std::vector<ImagePixel> pixels;                        // one, or the four corners; equal ones once
  std::vector<std::array<std::int64_t, 2>> crop_pixels;  // y, x: those that have to be known
};

struct PixelLineage {
  std::size_t slot = 0;
  std::int64_t c = 0, y = 0, x = 0;
  std::string channel;            // of the crops: t1c, flair or t2
  float mean = 0, deviation = 1;  // of the input's normalisation
  std::vector<PixelUse> uses;     // the slot's own sample; with mixup its partner's, too
  float trained = 0;              // what training_batch makes
  Hash128 batch;                  // of all images of that batch, as a step's line in the chain has it
};

// UsageError with the range for a slot or pixel that the batch has not.
PixelLineage trace_pixel(const LineageRun& run, const LineageBatch& batch, std::int64_t slot, std::int64_t c, std::int64_t y,
                         std::int64_t x);

// The pixel from values[use][n] of uses[use].crop_pixels[n].
float rebuilt_pixel(const LineageRun& run, const LineageBatch& batch, const PixelLineage& pixel,
                    const std::vector<std::vector<float>>& values);

// The values of a use's crop pixels as they stand in the crop's file.
std::vector<float> crop_values(const LineageRun& run, const PixelUse& use, const std::string& channel);

// A pixel of the batch that a pixel of a crop has a weight in.
struct TouchedInput {
  std::size_t slot = 0;
  std::string sample_id;  // of the crop that it comes through: the slot's own or its partner's
  std::int64_t c = 0, y = 0, x = 0;
  double weight = 0;  // share times bilinear weight, summed over the crop's pixels
};
// Of pixels {y, x} of the channel of one sample's crop, each with a weight; in the order of slots, channels, rows.
struct WeightedPixel {
  std::int64_t y = 0, x = 0;
  double weight = 0;
};
std::vector<TouchedInput> touched_inputs(const LineageRun& run, const LineageBatch& batch, const std::string& sample_id,
                                         const std::string& channel, const std::vector<WeightedPixel>& pixels);

// "0x3f1a2b3c"
std::string bits_text(float value);

}  // namespace vitrine
