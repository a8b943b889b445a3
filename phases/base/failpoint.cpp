#include "phases/base/failpoint.hpp"

#ifdef PGPHASE_FAILPOINTS
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace pgphase {

void failpoint(std::string_view where, std::string_view when) {
  static std::mutex mutex;
  static int passed = 0;
  const std::string name = std::string(where) + "." + std::string(when);
  const std::lock_guard lock(mutex);
  if (const char* log = std::getenv("PGPHASE_FAILPOINT_LOG")) {
    if (const int file = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); file >= 0) {
      const std::string line = name + "\n";
      [[maybe_unused]] const auto written = ::write(file, line.data(), line.size());
      ::close(file);
    }
  }
  const char* wanted = std::getenv("PGPHASE_FAILPOINT");
  if (!wanted) return;
  const std::string_view spec = wanted;
  const auto colon = spec.rfind(':');
  const int nth = colon == std::string_view::npos ? 1 : std::atoi(spec.data() + colon + 1);
  if (name == spec.substr(0, colon) && ++passed == nth) ::kill(::getpid(), SIGKILL);
}

}  // namespace pgphase
#endif
