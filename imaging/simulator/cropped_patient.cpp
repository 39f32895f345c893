#include "imaging/simulator/cropped_patient.h"

#include <algorithm>
#include <optional>

#include "imaging/orientation.h"
#include "imaging/simulator/region.h"
#include "imaging/steps/axial.h"
#include "imaging/steps/feather.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr std::array<const char*, 3> kColumns{"t1c", "flair", "t2"}, kNames{"T1c", "FLAIR", "T2"};
constexpr double kLesionMarginMm = 2;  // around a lesion everything counts as brain, as in imaging/brain/brain.h

double widest(const Scan& scan) { return *std::max_element(scan.grid.spacing.begin(), scan.grid.spacing.end()); }

// Interpolation looks at neighbours, which may lie a slice and half a thickness away, after a blur as wide as the voxels of T1c
// (imaging/volume.h resample).
double neighbours_mm(const Scan& scan, const Scan& t1c) { return widest(scan) + scan.thickness_mm / 2 + 2 * widest(t1c); }

Volume in_lps(Volume volume) {
  const StorageOrder order = storage_order(volume.geometry);
  return in_anatomical_order(std::move(volume), order);
}

class PatientCropping {
 public:
  PatientCropping(const ScannedHead& head, const std::array<Scan, 3>& scans, std::uint64_t seed, bool whole)
      : head_(head), scans_(scans), seed_(seed), whole_(whole) {}

  CroppedPatient run(const CropOptions& crop) {
    const std::optional<Region> near = region(0);
    Volume t1c = in_lps(image(0, near));
    lesion_ = in_lps(lesion_truth(head_, scans_[0], pointer(near)));
    brain_ = in_lps(brain_truth(head_, scans_[0], pointer(near)));
    const AxialGrid axial = axial_grid(t1c.geometry);
    grid_ = axial.grid;
    if (axial.recut) {
      t1c = resample(t1c, grid_, {}, Interpolation::linear);
      lesion_ = recut_labels(lesion_, grid_);
      brain_ = recut_labels(brain_, grid_);
    }
    CroppedPatient out;
    LesionMask mask;
    mask.labels = std::move(lesion_);
    Notes notes;
    out.lesions = find_lesion_slices(mask, crop, "the mask of " + head_.patient().id, notes);
    lesion_ = std::move(mask.labels);
    const Mask margin = dilated(lesion_, kLesionMarginMm);
    for (std::size_t i = 0; i < brain_.data.size(); ++i) brain_.data[i] = std::max(brain_.data[i], margin.data[i]);
    weight_ = feather_weight(brain_, lesion_);
    out.channels.push_back(shown(0, std::move(t1c), axial.recut));
    for (const std::size_t s : {std::size_t{1}, std::size_t{2}}) {
      const Volume stored = in_lps(image(s, region(s)));
      out.channels.push_back(shown(s, resample(stored, grid_, scans_[s].from_t1c, Interpolation::linear), true));
    }
    return out;
  }

 private:
  std::optional<Region> region(std::size_t s) const {
    if (whole_) return std::nullopt;
    const double far = neighbours_mm(scans_[s], scans_[0]);
    const FeatherOptions feather;
    return Region(head_, far, far + feather.show_mm + feather.fade_mm);
  }
  static const Region* pointer(const std::optional<Region>& r) { return r ? &*r : nullptr; }

  Volume image(std::size_t s, const std::optional<Region>& near) const {
    Scan scan = scans_[s];
    scan.field = {};
    Volume clean = clean_signal(head_, scan, pointer(near));
    const Volume flat{scan.grid, std::vector<float>(clean.data.size(), 1.0f)};
    return recorded(clean, flat, scan, seed_, head_.patient().number);
  }

  PreparedChannel shown(std::size_t s, Volume volume, bool is_resampled) const {
    Mask seen = brain_;
    Mask covered;
    if (is_resampled) {
      covered = coverage(scans_[s].grid, grid_, scans_[s].from_t1c);
      for (std::size_t i = 0; i < seen.data.size(); ++i) seen.data[i] *= covered.data[i];
    }
    const Normalized n = normalize(volume, seen, lesion_, NormalizationMethod::zscore, kNames[s]);
    Volume out = feathered(n.shown(std::move(volume)), weight_);
    for (std::size_t i = 0; i < covered.data.size(); ++i) out.data[i] *= covered.data[i];
    return {kColumns[s], std::move(out)};
  }

  const ScannedHead& head_;
  const std::array<Scan, 3>& scans_;
  std::uint64_t seed_;
  bool whole_;
  Geometry grid_;
  Mask lesion_, brain_;  // on the axial grid; the brain with the lesions and their margin
  Volume weight_;        // of what crops show
};

}  // namespace

CroppedPatient cropped_patient(const ScannedHead& head, const std::array<Scan, 3>& scans, std::uint64_t seed,
                               const CropOptions& crop, bool whole) {
  return PatientCropping(head, scans, seed, whole).run(crop);
}

}  // namespace vitrine::imaging
