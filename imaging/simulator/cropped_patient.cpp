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

Volume in_lps(Volume volume) {
  const StorageOrder order = storage_order(volume.geometry);
  return in_anatomical_order(std::move(volume), order);
}

class PatientCropping {
 public:
  PatientCropping(const ScannedHead& head, const std::array<Scan, 3>& scans, std::uint64_t seed, bool whole)
      : head_(head), scans_(scans), seed_(seed), whole_(whole) {}

  CroppedPatient run(const CropOptions& crop) {
    read_masks();
    CroppedPatient out;
    LesionMask mask;
    mask.labels = std::move(lesion_);
    Notes notes;
    out.lesions = find_lesion_slices(mask, crop, "the mask of " + head_.patient().id, notes);
    lesion_ = std::move(mask.labels);
    const Mask margin = dilated(lesion_, kLesionMarginMm);
    for (std::size_t i = 0; i < brain_.data.size(); ++i) brain_.data[i] = std::max(brain_.data[i], margin.data[i]);
    weight_ = feather_weight(brain_, lesion_);
    for (std::size_t s = 0; s < 3; ++s) {
      Volume stored = image(s);
      const bool is_resampled = s > 0 || recut_;
      if (is_resampled) stored = resample(stored, grid_, scans_[s].from_t1c, Interpolation::linear);
      out.channels.push_back(shown(s, std::move(stored), is_resampled));
    }
    return out;
  }

 private:
  // Lesion and brain on the axial grid.
  void read_masks() {
    const std::optional<Region> near = whole_ ? std::nullopt : std::optional<Region>(head_);
    const Region* const region = near ? &*near : nullptr;
    lesion_ = in_lps(lesion_truth(head_, scans_[0], region));
    brain_ = in_lps(brain_truth(head_, scans_[0], region));
    const AxialGrid axial = axial_grid(lesion_.geometry);
    grid_ = axial.grid;
    recut_ = axial.recut;
    if (!recut_) return;
    lesion_ = recut_labels(lesion_, grid_);
    brain_ = recut_labels(brain_, grid_);
  }

  // As acquired, without the coil's field, in LPS order.
  Volume image(std::size_t s) const {
    Scan scan = scans_[s];
    scan.field = {};
    std::vector<std::uint8_t> wanted;
    if (!whole_) wanted = voxels_behind(weight_, scan.grid, scan.from_t1c);  // the weight is 1 in the brain
    const Volume clean = clean_signal(head_, scan, whole_ ? nullptr : &wanted);
    const Volume flat{scan.grid, std::vector<float>(clean.data.size(), 1.0f)};
    return in_lps(recorded(clean, flat, scan, seed_, head_.patient().number));
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
  bool whole_, recut_ = false;
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
