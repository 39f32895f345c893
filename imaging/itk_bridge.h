// Volumes as ITK images and back. For the .cpp files that call ITK only: no other file sees an ITK header.
#pragma once

#include <itkImage.h>
#include <itkMultiThreaderBase.h>

#include <algorithm>

#include "imaging/volume.h"

namespace vitrine::imaging {

using FloatImage = itk::Image<float, 3>;
using ByteImage3 = itk::Image<unsigned char, 3>;

// ITK sums in an order that depends on its number of threads (docs/imaging.md): one, set before the first filter, makes every
// result the same on every machine. Subjects are worked on side by side instead.
inline void use_one_itk_thread() { itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1); }

template <class Image>
typename Image::Pointer to_itk(const Volume& volume) {
  auto image = Image::New();
  typename Image::SizeType size;
  typename Image::PointType origin;
  typename Image::SpacingType spacing;
  typename Image::DirectionType direction;
  for (unsigned axis = 0; axis < 3; ++axis) {
    size[axis] = static_cast<typename Image::SizeValueType>(volume.geometry.size[axis]);
    origin[axis] = volume.geometry.origin[axis];
    spacing[axis] = volume.geometry.spacing[axis];
    for (unsigned column = 0; column < 3; ++column) direction(axis, column) = volume.geometry.direction[axis * 3 + column];
  }
  image->SetRegions(size);
  image->SetOrigin(origin);
  image->SetSpacing(spacing);
  image->SetDirection(direction);
  image->Allocate();
  std::transform(volume.data.begin(), volume.data.end(), image->GetBufferPointer(),
                 [](float v) { return static_cast<typename Image::PixelType>(v); });
  return image;
}

// The values of `image` on the grid that it was made from.
template <class Image>
Volume from_itk(const Image* image, const Geometry& geometry) {
  Volume volume{geometry, std::vector<float>(static_cast<std::size_t>(geometry.voxels()))};
  const auto* values = image->GetBufferPointer();
  std::transform(values, values + volume.data.size(), volume.data.begin(), [](auto v) { return static_cast<float>(v); });
  return volume;
}

}  // namespace vitrine::imaging
