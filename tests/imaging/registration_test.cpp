// Coregistration, its checks and the interpolation after it, against known motions.
#include "imaging/steps/registration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "imaging/simulator/anatomy.h"
#include "imaging/simulator/patient.h"
#include "imaging/steps/descent.h"
#include "imaging/steps/mutual_information.h"
#include "imaging/steps/registration_checks.h"
#include "imaging/steps/registration_spm.h"
#include "imaging/steps/rigid.h"
#include "imaging/steps/smoothing.h"

namespace vitrine::imaging {
namespace {

// The real head where it is installed, else the procedural one.
struct Head {
  Anatomy anatomy;
  Patient patient;
  SeriesProtocol t1c, flair, t2;
  Volume t1c_volume, flair_volume;
  explicit Head(std::uint32_t number, double spacing = 1.5)
      : anatomy(load_anatomy({}, 2.0)), patient(make_patient(anatomy, 7, number, number % 2 ? "SCLC" : "NSCLC", 1.0)) {
    t1c = series_protocol(anatomy, 7, number, Series::t1c, spacing);
    flair = series_protocol(anatomy, 7, number, Series::flair, spacing);
    t2 = series_protocol(anatomy, 7, number, Series::t2, spacing);
    t1c_volume = render(anatomy, patient, t1c, 7);
    flair_volume = render(anatomy, patient, flair, 7);
  }
  Vec3 low() const { return anatomy.brain_low; }
  Vec3 high() const { return anatomy.brain_high; }
  double error(const RigidTransform& found, const RigidTransform& truth) const {
    return most_apart(found, truth, low(), high());
  }
};

const Head& head(std::uint32_t number) {
  static const Head first(1), second(2);
  return number == 1 ? first : second;
}

// The volume's headers after the motion `moved` of the scanner's space.
Volume with_header_moved(Volume v, const RigidTransform& moved) {
  v.geometry.origin = moved.apply(v.geometry.origin);
  v.geometry.direction = product(moved.rotation(), v.geometry.direction);
  return v;
}

Volume mirrored(Volume v) {
  const auto n = static_cast<std::ptrdiff_t>(v.geometry.size[0]);
  for (auto row = v.data.begin(); row != v.data.end(); row += n) std::reverse(row, row + n);
  return v;
}

bool has_warning(const Notes& notes, const std::string& words) {
  return std::any_of(notes.begin(), notes.end(), [&](const Note& n) { return n.warning && n.text.find(words) != n.text.npos; });
}

constexpr double kTolerance =
    0.6;  // mm at the corners of the brain's box, T1c of 1.5 mm: further out than any voxel of the brain

TEST(Registration, RecoversTheSimulatedMotionAndRepeatsBitForBit) {
  for (const std::uint32_t number : {1u, 2u}) {
    const Head& h = head(number);
    const Registration r = register_rigid(h.t1c_volume, h.flair_volume, "test");
    EXPECT_LT(r.metric_after, r.metric_before);
    EXPECT_GT(r.nmi_after, r.nmi_before);
    EXPECT_LT(h.error(r.transform, h.flair.from_t1c), kTolerance) << "mm, patient " << number;
    EXPECT_GT(h.error({}, h.flair.from_t1c), 2.0) << "the test moves too little to tell anything";
    const Registration again = register_rigid(h.t1c_volume, h.flair_volume, "test");
    EXPECT_EQ(again.transform.angles, r.transform.angles);
    EXPECT_EQ(again.transform.translation, r.transform.translation);
    EXPECT_EQ(record(again), record(r));
  }
}

TEST(Registration, DoesNotDependOnWhatTheHeadersSay) {
  const Head& h = head(1);
  const RigidTransform wrong[] = {{{0.4, -0.2, 0.3}, {60, -40, 30}, h.anatomy.brain_centre()}, {{}, {400, 400, 400}, {}}};
  for (const RigidTransform& w : wrong) {
    const Registration r = register_rigid(h.t1c_volume, with_header_moved(h.flair_volume, w), "test");
    EXPECT_LT(h.error(r.transform, composed(h.flair.from_t1c, w)), kTolerance);
    const Notes notes = checked(r, "FLAIR", "test");
    EXPECT_TRUE(has_warning(notes, "check the headers"));
    EXPECT_EQ(has_warning(notes, "do not overlap"), w.translation[0] == 400);
  }
}

TEST(Registration, IsTheSameBothWaysAndClosesTheLoop) {
  const Head& h = head(2);
  const Volume t2 = render(h.anatomy, h.patient, h.t2, 7);
  const Registration to_flair = register_rigid(h.t1c_volume, h.flair_volume, "test"),
                     to_t2 = register_rigid(h.t1c_volume, t2, "test");
  const Registration back = register_rigid(h.flair_volume, h.t1c_volume, "test"),
                     flair_to_t2 = register_rigid(h.flair_volume, t2, "test");
  EXPECT_LT(inverse_consistency_mm(to_flair, back.transform), 0.1);
  const double closure = loop_closure_mm(to_flair, flair_to_t2.transform, to_t2.transform);
  EXPECT_LT(closure, kLoopWarnMm);
  EXPECT_TRUE(loop_notes(closure, "T1c -> FLAIR -> T2", "test").empty());
  RigidTransform off = flair_to_t2.transform;
  off.translation[2] += 2;
  EXPECT_TRUE(has_warning(loop_notes(loop_closure_mm(to_flair, off, to_t2.transform), "T1c -> FLAIR -> T2", "test"),
                          "miss each other by"));
  off.translation[2] += 2;
  EXPECT_THROW(loop_notes(loop_closure_mm(to_flair, off, to_t2.transform), "T1c -> FLAIR -> T2", "test"), DataError);
}

TEST(Registration, OfAVolumeWithItselfMovesNothing) {
  const Head& h = head(1);
  for (const Volume* v : {&h.t1c_volume, &h.flair_volume}) {
    const Registration r = register_rigid(*v, *v, "test");
    EXPECT_LT(h.error(r.transform, {}), 0.01);
    EXPECT_TRUE(checked(r, "the series", "test").empty());
  }
}

TEST(Registration, AcceptsNegativeValuesAndAMaskOfTheBrain) {
  const Head& h = head(1);
  Volume negative = h.flair_volume;
  for (float& v : negative.data) v -= 1000;
  RegistrationOptions options;
  const Mask brain = resample_nearest(
      [&] {
        Mask m{h.anatomy.geometry, {}};
        for (const TissueBytes& t : h.anatomy.voxels) m.data.push_back(t[Tissue::brain] >= 128 ? 1.0F : 0.0F);
        return m;
      }(),
      h.t1c.grid, {});
  options.fixed_mask = &brain;
  EXPECT_LT(h.error(register_rigid(h.t1c_volume, negative, options, "test").transform, h.flair.from_t1c), kTolerance);
}

// The border that a brain extraction leaves in one series is nowhere in the other: it must not be matched with the skin.
TEST(Registration, TakesOneSeriesWithoutItsScalp) {
  const Head& h = head(1);
  Volume stripped = h.flair_volume;
  const Geometry& g = stripped.geometry;
  for (std::size_t at = 0; at < stripped.data.size(); ++at) {
    const auto n = static_cast<std::int64_t>(at);
    const Vec3 p = g.to_physical({static_cast<double>(n % g.size[0]), static_cast<double>(n / g.size[0] % g.size[1]),
                                  static_cast<double>(n / (g.size[0] * g.size[1]))});
    if (tissue_at(h.anatomy, h.patient, h.flair.from_t1c.apply_inverse(p))[Tissue::brain] < 128) stripped.data[at] = 0;
  }
  for (const bool is_moving : {true, false}) {
    const Registration r =
        is_moving ? register_rigid(h.t1c_volume, stripped, "test") : register_rigid(stripped, h.t1c_volume, "test");
    const RigidTransform found = is_moving ? r.transform : inverse(r.transform);
    EXPECT_LT(h.error(found, h.flair.from_t1c), kTolerance);
    EXPECT_GT(mirror_ratio(r), kSameHeadRatio);
  }
}

TEST(Registration, RefusesWhatCannotBeRegistered) {
  const Head& h = head(1);
  const Volume flat{{{20, 20, 20}}, std::vector<float>(8000, 5.0F)}, thin{{{20, 20, 2}}, std::vector<float>(800, 5.0F)};
  EXPECT_THROW(register_rigid(h.t1c_volume, flat, "test"), DataError);
  EXPECT_THROW(register_rigid(h.t1c_volume, thin, "test"), DataError);
  EXPECT_THROW(registration_preset("fsl"), UsageError);
}

TEST(RegistrationChecks, TellAMirroredSeriesAndAnotherPatient) {
  const Head &h = head(1), &other = head(2);
  const Registration right = register_rigid(h.t1c_volume, h.flair_volume, "test");
  EXPECT_GT(mirror_ratio(right), kSameHeadRatio);
  EXPECT_GT(peak_ratio(right), kWeakPeak);
  const Registration wrong = register_rigid(h.t1c_volume, mirrored(h.flair_volume), "test");
  EXPECT_LT(mirror_ratio(wrong), kMirroredRatio);
  EXPECT_THROW(checked(wrong, "FLAIR", "test"), DataError);
  const Registration mixed = register_rigid(h.t1c_volume, other.flair_volume, "test");
  std::printf("mirror ratio %.2f, mirrored %.2f, another patient %.2f\n", mirror_ratio(right), mirror_ratio(wrong),
              mirror_ratio(mixed));
  EXPECT_LT(mirror_ratio(mixed), mirror_ratio(right));
}

TEST(RegistrationChecks, TellAHeaderThatTurnsTheHeadAround) {
  const Head& h = head(1);
  Volume around = h.flair_volume;  // the same voxels, left and right and front and back exchanged by the header
  for (std::size_t n = 0; n < 6; ++n) around.geometry.direction[n] = -around.geometry.direction[n];
  const auto& n = around.geometry.size;
  const Vec3 there = h.flair_volume.geometry.to_physical(
                 {0.5 * static_cast<double>(n[0] - 1), 0.5 * static_cast<double>(n[1] - 1), 0}),
             here = around.geometry.to_physical({0.5 * static_cast<double>(n[0] - 1), 0.5 * static_cast<double>(n[1] - 1), 0});
  for (std::size_t c = 0; c < 3; ++c) around.geometry.origin[c] += there[c] - here[c];
  const Registration r = register_rigid(h.t1c_volume, around, "test");
  EXPECT_EQ(r.turned_about, "head to feet");
  try {
    checked(r, "FLAIR", "test");
    FAIL() << r.nmi_after << " " << r.nmi_mirrored << " " << r.nmi_turned;
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("turned by 180 degrees about the axis from head to feet"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(register_rigid(h.t1c_volume, h.flair_volume, "test").nmi_turned, 0);
}

TEST(RegistrationChecks, TellASearchThatDidNothing) {
  Registration r;
  r.nmi_before = r.nmi_after = 1.02;
  r.nmi_displaced = 1.019;
  r.stop = "no lower value within 0.3 mm along the slope";
  try {
    checked(r, "FLAIR", "subject sub-001");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("did not converge"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find(r.stop), std::string::npos);
  }
}

TEST(RegistrationSpm, AgreesWithTheDefaultWhereTheHeadersAreNear) {
  const Head& h = head(1);
  RegistrationOptions options;
  options.preset = RegistrationPreset::spm;
  options.mirror_test = false;
  const Registration r = register_rigid(h.t1c_volume, h.flair_volume, options, "test");
  EXPECT_EQ(r.start, "headers");
  EXPECT_LT(h.error(r.transform, h.flair.from_t1c), 1.0);
  EXPECT_EQ(record(r)["preset"], "spm");
}

TEST(MutualInformation, DerivativesAreThoseOfTheValue) {
  const Head& h = head(1);
  const Volume target = gaussian_smoothed(h.t1c_volume, {3, 3, 3});
  Samples samples;
  samples.centre = h.anatomy.brain_centre();
  const Volume& f = h.flair_volume;
  for (std::size_t at = 0; at < f.data.size(); at += 97) {
    const auto n = static_cast<std::int64_t>(at);
    const Vec3 p = f.geometry.to_physical({static_cast<double>(n % f.geometry.size[0]),
                                           static_cast<double>(n / f.geometry.size[0] % f.geometry.size[1]),
                                           static_cast<double>(n / (f.geometry.size[0] * f.geometry.size[1]))});
    samples.offset.push_back({static_cast<float>(p[0] - samples.centre[0]), static_cast<float>(p[1] - samples.centre[1]),
                              static_cast<float>(p[2] - samples.centre[2])});
    samples.bin.push_back(static_cast<std::uint8_t>(std::clamp(f.data[at] / 4, 0.0F, static_cast<float>(kBins - 1))));
  }
  const MutualInformation metric(samples, target, {0, 250});
  Pose pose;
  pose.place = {samples.centre[0] + 1.3, samples.centre[1] - 0.7, samples.centre[2] + 2.1};
  SimilarityDerivatives d;
  for (const Measure measure : {Measure::normalised, Measure::plain}) {
    metric.at(pose, measure, d);
    const auto value = [&](const Pose& p) {
      const Similarity s = metric.at(p);
      return measure == Measure::plain ? s.mi : s.nmi;
    };
    for (std::size_t c = 0; c < 3; ++c) {
      Pose up = pose, down = pose;
      up.place[c] += 0.05;
      down.place[c] -= 0.05;
      const double slope = (value(up) - value(down)) / 0.1;
      EXPECT_NEAR(d.place[c], slope,
                  0.05 * std::fabs(slope) + 2e-5);  // linear interpolation has corners, the border of the view too
    }
  }
}

TEST(Descent, BothFindTheMinimumOfASkewValley) {
  const auto value = [](const Vector6& x) {
    double sum = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      const double d = x[i] - static_cast<double>(i) + (i > 0 ? 0.8 * x[i - 1] : 0);
      sum += static_cast<double>(i + 1) * d * d;
    }
    return sum;
  };
  const auto with_gradient = [&](const Vector6& x, Vector6& g) {
    for (std::size_t i = 0; i < 6; ++i) {
      Vector6 up = x, down = x;
      up[i] += 1e-4;
      down[i] -= 1e-4;
      g[i] = (value(up) - value(down)) / 2e-4;
    }
    return value(x);
  };
  const Minimum a = descend(with_gradient, {}, {1, 5, 1e-4, 100});
  PowellOptions options;
  options.tolerance.fill(1e-3);
  options.value_tolerance = 1e-12;
  const Minimum b = powell(value, {5, 5, 5, 5, 5, 5}, options);
  EXPECT_LT(a.value, 1e-5) << a.stop;
  EXPECT_LT(b.value, 1e-5) << b.stop;
}

TEST(Rigid, MatricesInversesAndCompositionsAgree) {
  const RigidTransform a{{0.3, -0.8, 2.5}, {10, -20, 30}, {5, 6, 7}}, b{{-1.2, 0.1, -0.4}, {-3, 2, 1}, {50, 0, -9}};
  const Vec3 low{-80, -90, -70}, high{80, 90, 70};
  EXPECT_LT(most_apart(composed(a, inverse(a)), {}, low, high), 1e-10);
  const Vec3 p{12, -34, 56}, q = b.apply(a.apply(p)), r = composed(a, b).apply(p);
  const Matrix4 m = matrix_of(a);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(q[c], r[c], 1e-10);
    EXPECT_NEAR(m[4 * c] * p[0] + m[4 * c + 1] * p[1] + m[4 * c + 2] * p[2] + m[4 * c + 3], a.apply(p)[c], 1e-10);
  }
  EXPECT_NEAR(rotation_degrees({{0, 0, 0.5}, {}, {}}), 0.5 * 180 / 3.14159265358979, 1e-9);
}

Volume waves(const Geometry& g, double period_mm) {
  Volume v{g, {}};
  for (std::int64_t at = 0; at < g.voxels(); ++at) {
    const Vec3 p = g.to_physical({static_cast<double>(at % g.size[0]), static_cast<double>(at / g.size[0] % g.size[1]),
                                  static_cast<double>(at / (g.size[0] * g.size[1]))});
    v.data.push_back(
        static_cast<float>(100 + 50 * std::sin(6.283185307 * p[0] / period_mm) * std::cos(6.283185307 * p[1] / period_mm)));
  }
  return v;
}

TEST(Interpolation, CubicIsCloserThanLinearAndStaysWithinTheValues) {
  const Volume v = waves({{40, 40, 6}, {1, 1, 1}}, 8);
  const RigidTransform shift{{}, {0.5, 0.37, 0}, {}};
  Geometry inner{{30, 30, 4}, {1, 1, 1}, {4, 4, 1}};
  Geometry moved = inner;
  for (std::size_t c = 0; c < 2; ++c) moved.origin[c] += shift.translation[c];
  const Volume truth = waves(moved, 8);
  const auto off = [&](Interpolation i) {
    const Volume r = resample(v, inner, shift, i);
    double most = 0;
    for (std::size_t n = 0; n < r.data.size(); ++n)
      most = std::max(most, static_cast<double>(std::fabs(r.data[n] - truth.data[n])));
    return most;
  };
  EXPECT_LT(off(Interpolation::cubic), off(Interpolation::linear) / 5);
  Volume step{{{20, 5, 5}}, std::vector<float>(500, 0.0F)};
  for (std::size_t n = 0; n < step.data.size(); ++n) step.data[n] = n % 20 < 10 ? 0.0F : 7.0F;
  const Volume r = resample(step, step.geometry, {{}, {0.3, 0, 0}, {}}, Interpolation::cubic);
  EXPECT_EQ(*std::min_element(r.data.begin(), r.data.end()), 0.0F);
  EXPECT_LE(*std::max_element(r.data.begin(), r.data.end()), 7.0F);
  EXPECT_EQ(resample(v, v.geometry, {}, Interpolation::linear).data, v.data);
}

TEST(Interpolation, ACoarserGridSeesNoAliases) {
  const Volume fine = waves({{80, 80, 4}, {1, 1, 1}}, 4);  // finer than a grid of 4 mm can hold
  const Geometry coarse{{18, 18, 4}, {4, 4, 1}, {5, 4, 0}};
  const Volume r = resample(fine, coarse, {}, Interpolation::linear), bare = resample_linear(fine, coarse, {});
  const auto spread = [](const Volume& x) {
    return *std::max_element(x.data.begin(), x.data.end()) - *std::min_element(x.data.begin(), x.data.end());
  };
  const auto most = [](const Volume& x) {
    float m = 0;
    for (const float value : x.data) m = std::max(m, std::fabs(value - 100));
    return m;
  };
  EXPECT_GT(most(bare), 40);
  EXPECT_LT(most(r), 8);
  EXPECT_LT(spread(r), 8);
}

}  // namespace
}  // namespace vitrine::imaging
