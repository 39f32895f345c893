#include "data/photograph_bytes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace vitrine {

std::size_t PhotographBytes::read(std::uint64_t offset, std::span<char> out) const {
  const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - std::min(offset, size_)));
  if (descriptor_ < 0) {
    std::copy_n(memory_.data() + std::min(offset, size_), most, out.data());
    return most;
  }
  for (std::size_t done = 0; done < most;) {
    const ssize_t n = ::pread(descriptor_, out.data() + done, most - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw DataError(text("it cannot be read: ", std::strerror(errno)));
    if (n == 0) throw DataError(text("it became shorter while it was read (it had ", size_, " bytes); try again"));
    done += static_cast<std::size_t>(n);
  }
  return most;
}

std::string PhotographBytes::head(std::size_t most) const {
  std::string bytes(most, '\0');
  bytes.resize(read(0, std::span<char>(bytes)));
  return bytes;
}

}  // namespace vitrine
