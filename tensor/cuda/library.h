// NVIDIA's libraries, loaded when something first asks for them: merely starting with cuBLASLt, cuDNN and NCCL takes 200 MiB and most of
// a tenth of a second, which every command on the CPU would pay for. Only files that are built with CUDA include this.
#pragma once

#include <string>
#include <vector>

namespace vitrine::cuda {

// A shared library, found by its name or in the folder where the build found it. Error (exit code 1) when it cannot be loaded.
class SharedLibrary {
 public:
  SharedLibrary(const std::string& name, const std::string& built_with);

  // A function by its name; Error when the library lacks it.
  template <class Function>
  void find(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(address_of(name));
  }

 private:
  void* address_of(const char* name) const;

  std::string name_;
  void* handle_;
};

}  // namespace vitrine::cuda
