// Volumes as ITK images and back. For the .cpp files that call ITK only: no other file sees an ITK header.
#pragma once

#include <itkCommand.h>
#include <itkImage.h>
#include <itkMultiThreaderBase.h>
#include <itkProcessObject.h>

#include <algorithm>
#include <new>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

using FloatImage = itk::Image<float, 3>;
using ByteImage3 = itk::Image<unsigned char, 3>;

// ITK sums in an order that depends on its number of threads (docs/imaging.md): one, set before the first filter, makes every
// result the same on every machine. Subjects are worked on side by side instead.
// And no pool: ITK makes its threads even for one, and does not survive a system that gives none.
inline void use_one_itk_thread() {
  itk::MultiThreaderBase::SetGlobalDefaultThreader(itk::MultiThreaderBase::ThreaderEnum::Platform);
  itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1);
}

// Asks at every event of a filter or optimizer whether to stop. It only looks, so no bit of a result depends on it. At an iteration it throws;
// progress is reported from destructors too, where nothing may be thrown, so there the filter is asked to end, and ITK throws where it can.
class InterruptWatch : public itk::Command {
 public:
  using Self = InterruptWatch;
  using Pointer = itk::SmartPointer<Self>;
  itkSimpleNewMacro(Self);
  void Execute(itk::Object* work, const itk::EventObject& event) override {
    if (itk::IterationEvent().CheckEvent(&event)) return check_interrupt("preparation");
    auto* filter = dynamic_cast<itk::ProcessObject*>(work);
    if (filter != nullptr && interrupt_requested()) filter->AbortGenerateDataOn();
  }
  void Execute(const itk::Object*, const itk::EventObject&) override {}
};

inline void stop_when_interrupted(itk::Object* work) {
  const auto watch = InterruptWatch::New();
  work->AddObserver(itk::ProgressEvent(), watch);
  work->AddObserver(itk::IterationEvent(), watch);
}

// ITK turns what is thrown inside its threads, Interrupted and std::bad_alloc too, into exceptions of its own: those are told apart here.
// Comes back when `error` is neither.
inline void rethrow_known(const itk::ExceptionObject& error) {
  check_interrupt("preparation");
  const std::string why = error.GetDescription();
  if (dynamic_cast<const itk::MemoryAllocationError*>(&error) != nullptr || why.find("bad_alloc") != why.npos ||
      why.find("allocate memory") != why.npos)
    throw std::bad_alloc();
}

// Runs `work`, whose ITK exceptions become a DataError of `failed` and ITK's reason.
template <class Work>
void run_itk(const Work& work, const std::string& failed) {
  try {
    work();
  } catch (const itk::ExceptionObject& error) {
    rethrow_known(error);
    throw DataError(text(failed, " (", printable(error.GetDescription()), ")"));
  }
}

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
  run_itk([&] { image->Allocate(); }, "no image could be made");
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
