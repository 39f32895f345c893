// Which of several kernels is taken: by the settings, by order where nothing is timed.
#include "tensor/cuda/candidates.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tensor/storage.h"
#include "tests/cuda_devices.h"

namespace vitrine::testing {
namespace {

using cuda::Candidate;
using cuda::Kernels;

class Candidates : public ::testing::Test {
 protected:
  Candidates() : tier_(cuda::Tier::run_to_run) { cuda::make_current(Device::cuda_host()); }

  Candidate of(Kernels kernels, bool has_the_shape = true) {
    return {kernels,
            [this, kernels, has_the_shape] {
              if (has_the_shape) ran_.push_back(kernels);
              return has_the_shape;
            },
            {}};
  }
  std::vector<Kernels> ran(const std::vector<Candidate>& candidates) {
    ran_.clear();
    cuda::run_candidates("a test", candidates);
    return ran_;
  }

 private:
  TierScope tier_;
  std::vector<Kernels> ran_;
};

TEST_F(Candidates, TheFirstThatHasTheShapeRunsWhereNothingIsTimed) {
  using enum Kernels;
  EXPECT_EQ(ran({of(cublaslt), of(own), of(cudnn)}), std::vector{cublaslt});
  EXPECT_EQ(ran({of(cublaslt, false), of(own), of(cudnn)}), std::vector{own});
  EXPECT_THROW(ran({of(cublaslt, false), of(cudnn, false)}), InternalError);
}

TEST_F(Candidates, TheSettingsNameOne) {
  using enum Kernels;
  const std::vector<Candidate> all{of(cublaslt), of(own), of(cudnn)};
  for (const Kernels named : {own, cublaslt, cudnn}) {
    const KernelsScope scope(named);
    EXPECT_EQ(ran(all), std::vector{named});
    EXPECT_EQ(ran({of(own)}), std::vector{own}) << "where that one has nothing, ours computes";
  }
  // Not another library's in its place.
  const KernelsScope scope(cublaslt);
  EXPECT_EQ(ran({of(cublaslt, false), of(cudnn), of(own)}), std::vector{own});
  const TierScope portable(cuda::Tier::portable);
  EXPECT_EQ(ran(all), std::vector{own});
}

TEST_F(Candidates, AreTimedWhereTheyCanBeHad) {
  const Candidate none = of(Kernels::cudnn, false);
  const Candidate full{Kernels::cublaslt, []() -> bool { throw DeviceMemoryError("there is no room"); }, {}};
  const Candidate broken{Kernels::cublaslt, []() -> bool { throw InternalError("a bug"); }, {}};
  const std::vector<cuda::TimedCandidate> timed = cuda::time_candidates({of(Kernels::own), none, full});
  ASSERT_EQ(timed.size(), 3u);
  EXPECT_TRUE(timed[0].microseconds.has_value());
  EXPECT_FALSE(timed[1].microseconds.has_value());
  EXPECT_FALSE(timed[2].microseconds.has_value());
  EXPECT_THROW(cuda::time_candidates({broken}), InternalError);
}

}  // namespace
}  // namespace vitrine::testing
