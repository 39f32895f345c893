// An EfficientNet that can only predict: batch norm folded into packed weights, every buffer laid out ahead.
//
// A batch is cut into groups of images; each thread takes its groups through the whole network, or all threads share one group
// where there are fewer images than threads. Groups of the first blocks, whose maps are large, are joined to larger ones as maps
// shrink. An image's logits have the same bits alone and in any batch, for any number of threads and any instruction set; on a GPU
// by our own kernels alone, since a library's may depend on the batch (--kernels).
// Against EfficientNet::forward they differ by the rounding of the folded weights. A network with fast.ai's head is not folded:
// it runs as EfficientNet::forward.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "layers/blocks/mbconv_folded.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/work.h"

namespace vitrine {

namespace cuda {
class Graph;
}

// How a batch is cut on the CPU: the images that go through each block together, never fewer than through the one before, and how many such
// groups are under way at a time.
struct InferenceGroups {
  std::vector<std::int64_t> images;
  std::int64_t concurrent = 1;
};
InferenceGroups inference_groups(std::int64_t batch, std::span<const BlockSize> blocks, int threads);

class Inference {
 public:
  // On the device where the network lies.
  explicit Inference(const EfficientNet& net);
  Inference(Inference&&) noexcept;
  ~Inference();

  // Another one with the same weights, which are shared, not copied; it lays out its own memory, so that a second thread may run it.
  Inference sharing_weights() const;

  // Takes the weights that a network of the same sizes has now; layouts and recorded passes stay. ShapeError for another network.
  void refold(const EfficientNet& net);

  // [N, H, W, channels] -> logits [N, classes]. ShapeError as EfficientNet::forward. The first call with a new shape lays out its
  // memory; calls with the same shape allocate nothing. `logits` has room for N * classes values.
  void run(const Tensor& images, std::span<float> logits);
  Tensor run(const Tensor& images);

  std::int64_t classes() const { return plain_ ? plain_->classes : classifier_.N; }
  std::int64_t workspace_bytes() const;  // of the layout in use
  std::size_t nodes() const;             // of the recorded pass; 0 where none is

 private:
  Inference() = default;

  struct Unit {  // a convolution with its norm folded in
    PackedWeights packed;
    Tensor taps, bias, taps_by_output;  // depthwise: [R, S, M], [M], and [M, R, S] where layers/kernels/packed.h has it too
    std::int64_t kernel = 1, stride = 1;
    PaddingRule padding = PaddingRule::symmetric;
    std::int64_t static_size = 0;

    void take(const ConvNorm& source);
    ConvShape shape(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, std::int64_t K) const;
  };
  struct Block {
    bool expands = false, residual = false, gated = false;
    Unit expand, depthwise, project;
    PackedWeights reduce, excite;
  };
  struct Level {  // blocks that a group of images goes through together
    std::size_t first = 0, last = 0;
    std::int64_t group = 1;
    std::int64_t input = 0;           // values of an image before them
    std::int64_t narrow[2] = {0, 0};  // in a workspace: between two blocks
  };
  struct WorkspaceLayout {  // offsets into a thread's workspace, in floats
    std::int64_t N = 0, H = 0, W = 0;
    int threads = 0;
    std::int64_t concurrent = 0;  // groups that are under way at a time
    std::int64_t expanded = 0, features = 0, mean = 0, hidden = 0, gate = 0, size = 0;
    std::vector<Level> levels;
    std::vector<kernels::FoldedShape> blocks;  // for one image
    ConvShape stem{};
    std::vector<Tensor> workspaces;  // one for each group under way
    // On a CUDA device: what a pass reads and writes, and the recorded pass, from the second run on.
    Tensor input, logits;
    std::unique_ptr<cuda::Graph> recorded;
    int runs = 0;
  };

  WorkspaceLayout& layout_for(std::int64_t N, std::int64_t H, std::int64_t W);
  WorkspaceLayout laid_out(std::int64_t N, std::int64_t H, std::int64_t W, int threads) const;
  void lay_out_levels(WorkspaceLayout& layout) const;
  void run_level(const WorkspaceLayout& layout, std::size_t level, const float* images, std::int64_t count, float* workspace,
                 float* features) const;
  void run_group(const WorkspaceLayout& layout, const float* images, std::int64_t count, float* workspace, float* logits) const;
  void run_on_device(WorkspaceLayout& layout, const Tensor& images, std::span<float> logits);

  std::shared_ptr<EfficientNet> plain_;  // a network with the concat head runs op by op, as in evaluation
  std::int64_t channels_ = 3;
  Activation activation_ = Activation::swish;
  Unit stem_, head_;
  std::vector<Block> blocks_;
  PackedWeights classifier_;
  Device device_;
  std::vector<WorkspaceLayout> layouts_;  // the one in use last
};

}  // namespace vitrine
