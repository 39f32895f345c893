// What `vitrine simulate` can be asked about the scanner, and the scans of a patient that follow from it.
//
// Nothing asked: the series of imaging/simulator/patient.h, as ever. Anything asked: signals from the equations of imaging/simulator/signal.h,
// the choroid plexus enhances, and what was not asked for keeps the range it had there (bias fields: 10 to 40 %).
// Sites      each has a vendor (GE, Siemens and Philips as 44 : 55 : 2, Grossman et al. 2021), a T1c sequence, times within 10 % of the usual,
//            voxel sizes, a gain, a noise, and a pattern of the coil that half of each patient's field follows
// kappa      a patient's site is drawn from all sites; with this probability from those of its class instead (sites are dealt to SCLC and NSCLC in
//            turn): the label can then be read from the scanner
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "imaging/simulator/scan.h"

namespace vitrine::imaging {

struct Range {
  double low = 0, high = 0;
  bool is_set = false;
  bool operator==(const Range&) const = default;
};
// "5" or "3:6". UsageError naming `option` for anything else.
Range parse_range(const std::string& words, const std::string& option);

struct ScanOptions {
  std::string t1c;                           // "", spgr, mprage, se, mix
  std::string plane;                         // of T1c: "", axial, sagittal, coronal, mix
  double t1c_thickness = 0;                  // mm; 0: as fine as in the plane (3-D)
  double t1c_oblique = 0;                    // degrees that T1c's slices are tilted by, about a drawn axis
  double oblique = 0;                        // degrees that FLAIR's and T2's are tilted by at most
  double neck_mm = -1;                       // below the brain; -1: the head ends where the anatomy does
  Range slice_mm, gap_mm;                    // of FLAIR and T2
  Range in_plane_mm;                         // of FLAIR and T2
  Range noise_percent;                       // of white matter
  double noise_centre = 1;                   // times more noise in the middle
  Range bias_percent;                        // peak to peak over the head
  std::string bias_shape;                    // "", spline, cosine
  double motion_mm = 4, motion_degrees = 4;  // of FLAIR and T2 against T1c, at most, per axis
  std::string orders;                        // "", one of the 48 codes, mix
  int sites = 0;                             // 0: none
  double kappa = 0;

  bool operator==(const ScanOptions&) const = default;
  bool is_plain() const;
};

// UsageError naming the option, what was found and what is expected.
void check(const ScanOptions& options);

struct Site {
  int number = 0;
  std::string vendor, t1c;
  double time_factor = 1;  // of TR, TE and TI
  double t1c_mm = 1, slice_mm = 5, gap_mm = 0.5, in_plane_mm = 0.7;
  double gain = 100, noise = 0.03, bias = 0.2;
};
Site drawn_site(std::uint64_t seed, int number);
// From 0; -1 where there are no sites.
int site_of(const ScanOptions& options, std::uint64_t seed, std::uint32_t patient, bool is_sclc);

struct PatientScans {
  std::array<Scan, 3> series;  // t1c, flair, t2
  int site = -1;
};
PatientScans patient_scans(const ScannedHead& head, const ScanOptions& options, std::uint64_t seed, double t1c_spacing);

}  // namespace vitrine::imaging
