// NVIDIA's libraries, loaded when something first asks for them: a program linked with them takes their memory and time at every start,
// which every command on the CPU would pay for. Only files that are built with CUDA include this.
#pragma once

#include <string>
#include <vector>

namespace vitrine::cuda {

// A shared library, found where the build found it, or by its name. Error (exit code 1) when it cannot be loaded.
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
