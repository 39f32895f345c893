// Simulation and preparation that are stopped, and cohorts that are made again.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <numbers>
#include <thread>

#include "base/interrupt.h"
#include "base/lock.h"
#include "imaging/simulator/cohort_simulator.h"
#include "imaging/simulator/noise_kernels.h"
#include "imaging/simulator/patient.h"
#include "prepared_cohort.h"
#include "tensor/math.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "tests/everywhere.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Simulation : public PreparedCohort {
 protected:
  fs::path simulated(int patients = 2, std::uint64_t seed = 1) const {
    Progress quiet(true);
    SimulateOptions options;
    options.patients = patients;
    options.seed = seed;
    options.anatomy = "procedural";
    options.spacing_mm = 2.5;
    return simulate_cohort(folder / "cohort", options, quiet).csv;
  }

  struct Stopped {
    int code = 0;
    double seconds = 0;
  };
  // Runs `work` in a process of its own and sends it a signal.
  template <class Work>
  Stopped stopped(const Work& work, int signal_number, int after_ms) const {
    const pid_t child = ::fork();
    if (child == 0) {
      install_interrupt_handler();
      int code = 0;
      try {
        work();
      } catch (const Error& error) {
        code = static_cast<int>(error.code());
      }
      ::_exit(code);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(after_ms));
    ::kill(child, signal_number);
    const auto start = std::chrono::steady_clock::now();
    int status = 0;
    ::waitpid(child, &status, 0);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, seconds};
  }
};

// The grace of base/interrupt.h ends after a second: below it, the work has stopped by itself. On an idle machine it takes 0.1 s.
constexpr double kByItself = 0.9;

TEST_F(Simulation, ASignalStopsPreparationAndWhatIsFinishedStays) {
  const fs::path csv = table();
  PrepOptions options;
  options.jobs = 1;
  const auto work = [&] {
    Progress quiet(true);
    prepare_cohort(csv, folder / "out", options, quiet);
  };
  int after = 50;
  for (const auto& [number, code] : std::vector<std::pair<int, int>>{{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}}) {
    const Stopped s = stopped(work, number, after);
    EXPECT_EQ(s.code, code);
    EXPECT_LT(s.seconds, kByItself);
    EXPECT_FALSE(exists("manifest.csv"));
    EXPECT_FALSE(exists(".vitrine-lock"));
    after += 500;
  }
  EXPECT_EQ(prepare(csv).refused, "");
  EXPECT_EQ(prepare(csv, "whole", 1).refused, "");
  EXPECT_EQ(files("out"), files("whole"));
}

TEST_F(Simulation, ASignalStopsSimulation) {
  int after = 50;
  for (const auto& [number, code] : std::vector<std::pair<int, int>>{{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}}) {
    const Stopped s = stopped([&] { simulated(50); }, number, after);
    EXPECT_EQ(s.code, code);
    EXPECT_LT(s.seconds, kByItself);
    EXPECT_FALSE(path_exists(folder / "cohort" / "cohort.csv"));
    after += 300;
  }
}

// Every draw is a function of its coordinates, every lane has the bits of a plain voxel.
TEST_F(Simulation, IsTheSameOnAllThreadsAndInstructionSets) {
  const Anatomy anatomy = procedural_head(4);
  const Patient patient = make_patient(anatomy, 4, 1, "SCLC", 1);
  const SeriesProtocol protocol = series_protocol(anatomy, 4, 1, Series::t1c, 3);
  const Volume volume = render(anatomy, patient, protocol, 4);
  const Mask mask = render_mask(anatomy, patient, protocol.grid);
  ASSERT_GT(std::count(mask.data.begin(), mask.data.end(), 1.0f), 0);
  vitrine::testing::everywhere({1, 2, 3}, [&](const std::string& where) {
    EXPECT_EQ(procedural_head(4).voxels, anatomy.voxels) << where;
    EXPECT_EQ(render(anatomy, patient, protocol, 4).data, volume.data) << where;
    EXPECT_EQ(render_mask(anatomy, patient, protocol.grid).data, mask.data) << where;
  });
}

// Cohorts that were made before stay what they are: SHA-256 of the three series and the mask.
TEST_F(Simulation, PlainSeriesKeepTheirBits) {
  const Anatomy anatomy = procedural_head(4);
  const Patient patient = make_patient(anatomy, 4, 1, "SCLC", 1);
  Sha256 hash;
  const auto add = [&](const Volume& v) {
    hash.update({reinterpret_cast<const char*>(v.data.data()), v.data.size() * sizeof(float)});
  };
  for (const Series s : {Series::t1c, Series::flair, Series::t2}) {
    SeriesProtocol protocol = series_protocol(anatomy, 4, 1, s, 3);
    if (s != Series::t1c) protocol.grid.spacing = {3, 3, protocol.grid.spacing[2]};  // fewer voxels
    for (std::size_t c = 0; c < 2 && s != Series::t1c; ++c) protocol.grid.size[c] = protocol.grid.size[c] * 95 / 300;
    add(render(anatomy, patient, protocol, 4));
    if (s == Series::t1c) add(render_mask(anatomy, patient, protocol.grid));
  }
  EXPECT_EQ(hash.hex(), "3b24f421e91da619712ffc960725c326d1412304929cf6bb318460722f9cefd9");
}

// The formula, a voxel at a time.
TEST_F(Simulation, NoiseIsThatOfThePlainVoxel) {
  const kernels::NoiseDraws d{7, static_cast<std::uint32_t>(Purpose::simulate), 1001, 4000000000u, 0x12345678, 0x9abcdef0};
  std::vector<double> signal;
  for (int i = 0; i < 1003; ++i) signal.push_back(i % 5 == 0 ? 0 : 0.004 * i);
  std::vector<float> want;
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const auto w = philox({d.sample, d.purpose, d.op, d.first_voxel + static_cast<std::uint32_t>(i)}, {d.key0, d.key1});
    const double radius = 0.03 * std::sqrt(-2 * log_portable((static_cast<double>(w[0]) + 1) * 0x1p-32));
    const double angle = 2 * std::numbers::pi * static_cast<double>(w[1]) * 0x1p-32;
    const double real = signal[i] + radius * cos_portable(angle), imaginary = radius * sin_portable(angle);
    want.push_back(static_cast<float>(std::nearbyint(2.5e8 * std::sqrt(real * real + imaginary * imaginary))));
  }
  vitrine::testing::everywhere({1}, [&](const std::string& where) {
    std::vector<float> out(signal.size());
    kernels::noise_kernels().rician(signal.data(), static_cast<std::int64_t>(signal.size()), 0.03, 2.5e8, d, out.data());
    EXPECT_EQ(out, want) << where;
  });
}

TEST_F(Simulation, WhatNoSimulationMadeIsNotReplaced) {
  for (const char* mine : {"cohort.csv", "sub-002"}) {
    fs::remove_all(folder / "cohort");
    make_directory(folder / "cohort");
    write_file(folder / "cohort" / mine, "mine");
    EXPECT_THROW(simulated(2), UsageError);
    EXPECT_EQ(read_file(folder / "cohort" / mine, kAnySize), "mine");
    EXPECT_FALSE(path_exists(folder / "cohort" / "sub-001"));
  }
}

TEST_F(Simulation, OtherOptionsNeedAnotherFolder) {
  simulated(2, 1);
  const auto before = files("cohort");
  EXPECT_THROW(simulated(2, 2), UsageError);
  EXPECT_THROW(simulated(3, 1), UsageError);
  EXPECT_EQ(files("cohort"), before);
  EXPECT_NO_THROW(simulated(2, 1));
}

TEST_F(Simulation, AFolderIsWorkedInByOneProcess) {
  make_directory(folder / "cohort");
  const FolderLock held(folder / "cohort");
  try {
    simulated();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is in use by"));
  }
  EXPECT_FALSE(path_exists(folder / "cohort" / "sub-001"));
}

}  // namespace
}  // namespace vitrine::imaging
