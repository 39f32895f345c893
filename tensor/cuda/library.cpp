#include "tensor/cuda/library.h"

#include <dlfcn.h>

#include "base/error.h"

namespace vitrine::cuda {

// Libraries stay loaded: what they made may live as long as the process.
SharedLibrary::SharedLibrary(const std::string& name, const std::string& built_with) : name_(name) {
  handle_ = ::dlopen(built_with.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) handle_ = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr)
    throw Error(ExitCode::runtime,
                text("the library ", name, " cannot be loaded: ", ::dlerror(), "; install it, or use --device cpu"));
}

void* SharedLibrary::address_of(const char* name) const {
  void* const address = ::dlsym(handle_, name);
  if (address == nullptr)
    throw Error(ExitCode::runtime,
                text("the library ", name_, " has no function ", name, "; install the version that the build found"));
  return address;
}

}  // namespace vitrine::cuda
