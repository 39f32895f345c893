// One simulated patient: a deformed head with lesions, seen in T1c's space, and the series taken of it.
#pragma once

#include <string>
#include <vector>

#include "imaging/simulator/anatomy.h"
#include "imaging/simulator/lesion.h"

namespace vitrine::imaging {

struct SeriesProtocol {
  Series series = Series::t1c;
  Geometry grid;
  RigidTransform from_t1c;      // maps points of T1c's space to points of the series: the truth that coregistration looks for
  std::array<Vec3, 3> field{};  // amplitudes of the bias field's cosines, per axis three orders
  double noise = 0.02;          // standard deviation in units of white matter
  double gain = 100;
};

struct Patient {
  std::uint32_t number = 0;
  std::string id, label;
  Matrix3 to_head{};        // T1c's space to the anatomy's, about the brain's centres
  std::vector<float> warp;  // displacement on a coarse lattice, three values a node
  Geometry lattice;
  std::vector<Lesion> lesions;
};

std::string patient_name(std::uint32_t number);  // sub-001

// Everything about a patient is a function of (seed, number) and, through the lesions' means, of the label. `lesions`: how many; 0: drawn.
Patient make_patient(const Anatomy& anatomy, std::uint64_t seed, std::uint32_t number, const std::string& label, double signal,
                     int lesions = 0);
SeriesProtocol series_protocol(const Anatomy& anatomy, std::uint64_t seed, std::uint32_t number, Series series,
                               double t1c_spacing);

// The point of the anatomy that lies at a point of T1c's space, and the tissue there.
Vec3 head_point(const Anatomy& anatomy, const Patient& patient, const Vec3& point);
TissueBytes tissue_at(const Anatomy& anatomy, const Patient& patient, const Vec3& point);

Volume render(const Anatomy& anatomy, const Patient& patient, const SeriesProtocol& protocol, std::uint64_t seed);
Mask render_mask(const Anatomy& anatomy, const Patient& patient, const Geometry& grid);

}  // namespace vitrine::imaging
