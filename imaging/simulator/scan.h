// A series as a scanner takes it: any sequence, plane, thickness, field, noise and order of storage; and the truth beside it.
//
// image = round(gain |field x signal + noise|), with complex noise (Rician). Each factor can be had alone.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "imaging/simulator/neck.h"
#include "imaging/simulator/patient.h"
#include "imaging/simulator/region.h"
#include "imaging/simulator/signal.h"
#include "imaging/steps/rigid.h"

namespace vitrine::imaging {

Matrix4 product(const Matrix4& a, const Matrix4& b);  // first b, then a
Vec3 times(const Matrix4& m, const Vec3& p);

// The smooth field of a receive coil over a grid. `nodes` of a cubic B-spline per axis hold its logarithm; or, with cosines, the amplitudes
// of three cosines per axis do.
struct CoilField {
  enum class Shape { none, spline, cosine } shape = Shape::none;
  std::array<std::int64_t, 3> nodes{};
  std::vector<double> lattice;    // log field at the nodes, x fastest
  std::array<Vec3, 3> cosines{};  // amplitude of order 1 to 3 per axis
  double peak_to_peak = 0;        // over the head: it lies between 1 - p/2 and 1 + p/2 times one number
};

struct Scan {
  Series series = Series::t1c;
  Sequence sequence;
  bool contrast_given = true;
  Geometry grid;            // as acquired
  std::string stored;       // axes of the file, letters of R L A P I S; empty: as acquired
  RigidTransform from_t1c;  // T1c's points to the series'
  double thickness_mm = 0;  // of the box profile along k; the grid's spacing is thickness + gap
  int samples = 1;          // across the slice
  CoilField field;
  double noise = 0.02;      // standard deviation in units of white matter
  double noise_centre = 1;  // how many times more of it in the middle (parallel imaging)
  double gain = 100;
  double neck_mm = -1;  // below the brain; less than 0: the head ends where the anatomy ends
};

// The scan that `protocol` describes.
Scan plain_scan(const SeriesProtocol& protocol);

// The head with a patient's deformation, for many points.
class ScannedHead {
 public:
  ScannedHead(const Anatomy& anatomy, const Patient& patient, bool has_neck);
  const Anatomy& anatomy() const { return anatomy_; }
  const Patient& patient() const { return patient_; }
  TissueBytes tissue(const Vec3& point) const;  // of T1c's space
  double signal(const SignalTable& table, bool contrast_given, const Vec3& point) const;
  // Every 4 mm inside the head; and the lowest point of the brain. Of T1c's space.
  const std::vector<Vec3>& points() const { return points_; }
  double brain_bottom() const { return brain_bottom_; }

 private:
  const Anatomy& anatomy_;
  const Patient& patient_;
  NeckAndPlexus more_;
  bool has_neck_;
  std::vector<Vec3> points_;
  double brain_bottom_ = 0;
};

// A grid of voxels of `spacing` with these axes (columns) that holds the head, 6 mm more on every side, and no more below than `neck_mm`
// under the brain.
Geometry grid_around(const ScannedHead& head, const RigidTransform& from_t1c, const Matrix3& axes, const Vec3& spacing,
                     double neck_mm);

// A field over `grid` with this peak-to-peak range over the head, from draws (draw.seed, .sample, .op). `pattern` 0 to 1: the share that
// comes from `site` instead, the same for every patient of it.
CoilField drawn_field(const ScannedHead& head, const Scan& scan, CoilField::Shape shape, double peak_to_peak,
                      std::uint64_t seed, std::uint32_t op, std::uint32_t site, double pattern);

// All on scan.grid, white matter = 1, without noise. `wanted`: where it is 0 the signal is not worked out and stays 0. Interrupted.
Volume clean_signal(const ScannedHead& head, const Scan& scan, const std::vector<std::uint8_t>* wanted = nullptr);
Volume field_volume(const Scan& scan);
// What is recorded: whole numbers, the same bits for any number of threads.
Volume recorded(const Volume& clean, const Volume& field, const Scan& scan, std::uint64_t seed, std::uint32_t patient);

// Truth on the grid of a series (points go back to T1c's space). A thick slice counts where its greater part does.
// `region`: beyond it there is none.
Mask brain_truth(const ScannedHead& head, const Scan& scan, const Region* region = nullptr);   // the brain with the lesions
Mask lesion_truth(const ScannedHead& head, const Scan& scan, const Region* region = nullptr);  // tumour: rim and necrosis
// 0 outside, 1 fluid, 2 grey, 3 white matter, 4 fat, 5 muscle, 6 vessel or dura, 7 oedema, 8 solid tumour, 9 necrosis: the largest share.
Volume tissue_truth(const ScannedHead& head, const Scan& scan);

// The same volume with its axes as `code` says ("RAS": i to the right, j to anterior, k to superior), each along the axis nearest to it; nothing
// is interpolated.
Volume stored_as(const Volume& volume, const std::string& code);
const std::vector<std::string>& storage_codes();  // all 48

}  // namespace vitrine::imaging
