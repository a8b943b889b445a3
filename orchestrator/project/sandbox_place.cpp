#include "orchestrator/project/sandbox_place.hpp"

#include "plans/base/sha256.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pgphase {
namespace {

namespace fs = std::filesystem;

// What makes the folder at `path` unfit for secrets of ours; empty when nothing does. Never follows a link.
std::string unfit(const fs::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return std::strerror(errno);
  if (S_ISLNK(found.st_mode)) return "it is a link";
  if (!S_ISDIR(found.st_mode)) return "it is not a folder";
  if (found.st_uid != ::geteuid()) return fmt::format("it belongs to user {}", found.st_uid);
  if ((found.st_mode & 077U) != 0) return fmt::format("its mode is {:04o}, not 0700", found.st_mode & 07777U);
  return {};
}

fs::path base(const Environment& environment) {
  const auto runtime = environment.find("XDG_RUNTIME_DIR");
  if (runtime == environment.end() || !runtime->second.starts_with('/')) return "/tmp";
  return unfit(runtime->second).empty() ? fs::path(runtime->second) : fs::path("/tmp");
}

}  // namespace

Result<fs::path> sandbox_place(const fs::path& project, const Environment& environment) {
  std::error_code problem;
  const fs::path canonical = fs::canonical(project, problem);
  if (problem) {
    return make_error(Errc::refused,
                      fmt::format("the folder {} cannot be used: {}", project.string(), problem.message()));
  }
  const std::string hash = sha256_hex(canonical.string()).substr(0, 16);
  const fs::path place = base(environment) / fmt::format("pgphase-{}-{}", ::geteuid(), hash);
  if (::mkdir(place.c_str(), 0700) != 0 && errno != EEXIST) {
    return make_error(Errc::refused,
                      fmt::format("the sandbox's folder {} cannot be made: {}", place.string(), std::strerror(errno)));
  }
  if (const std::string why = unfit(place); !why.empty()) {
    return make_error(Errc::refused, fmt::format("the sandbox's folder {} is not safe to use: {}", place.string(), why),
                      "See who made it, and remove it.");
  }
  return place;
}

}  // namespace pgphase
