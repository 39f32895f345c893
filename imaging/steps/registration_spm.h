// Rigid coregistration as SPM12's `coreg` estimates it, written from its description (Collignon et al. 1995; Studholme et al. 1999;
// Ashburner and Friston, "Rigid body registration"): for those who compare with work that used SPM.
//
// Volumes    8 bit: from the smallest value to the 99.99 % quantile of 2048 bins; whole numbers are dithered by up to half a step. Smoothed once,
//            per axis with FWHM sqrt(max(0, 2^2 - voxel^2)) mm, a Gaussian convolved with a linear B-spline
// Samples    the fixed volume on a grid of 4 mm, then of 2 mm, each point displaced by one of kSpmJitter entries of a low-discrepancy sequence
//            times the step: Roberts' R3 (powers of the inverse of 1.2207..., the root of x^4 = x + 1); both volumes linear between voxels
// Measure    256 x 256 bins, nearest for the fixed value, shared by two bins for the moving one; smoothed by FWHM 7 bins both ways;
//            (H(A) + H(B)) / H(A, B)
// Search     Powell from the headers as they are, to 0.02 mm and 0.001 rad; rotations about the origin of the space
// Differs    the dither and the table of displacements are our own sequences, not SPM's numbers; angles are composed in RigidTransform's order
#pragma once

#include "imaging/steps/descent.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

inline constexpr int kSpmJitter = 97;

// Parameters: three translations (mm), three angles (rad) about x, y, z. Fixed points to moving points.
Minimum spm_registration(const Volume& fixed, const Volume& moving);
RigidTransform spm_transform(const Vector6& parameters);

}  // namespace vitrine::imaging
