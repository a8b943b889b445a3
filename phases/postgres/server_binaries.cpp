#include "phases/postgres/server_binaries.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "phases/postgres/child_process.hpp"

namespace pgphase {
namespace {

bool has_server(const std::string& folder) {
  return ::access((folder + "/postgres").c_str(), X_OK) == 0 && ::access((folder + "/initdb").c_str(), X_OK) == 0;
}

Result<std::string> printed_by(const std::vector<std::string>& argv) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return make_error(Errc::unreachable, "could not make a pipe");
  ChildOptions options;
  options.argv = argv;
  options.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  options.out = ends[1];
  options.death_signal = SIGKILL;
  const auto pid = start_child(options);
  ::close(ends[1]);
  std::string out;
  char buffer[512];
  for (ssize_t got = 1; pid && got != 0;) {
    got = ::read(ends[0], buffer, sizeof buffer);
    if (got > 0) out.append(buffer, static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR) break;
  }
  ::close(ends[0]);
  if (!pid) return pid.error();
  if (wait_child(*pid, std::chrono::seconds(5)) != 0) {
    return make_error(Errc::unreachable, argv[0] + " --version failed");
  }
  return out;
}

Result<ServerBinaries> inspect(const std::string& folder) {
  PGPHASE_TRY(printed, printed_by({folder + "/postgres", "--version"}));
  ServerBinaries out{folder, 0, server_version_in(printed)};
  out.major = std::atoi(out.version.c_str());
  if (out.major == 0) return make_error(Errc::unreachable, folder + "/postgres did not print a version: " + printed);
  return out;
}

std::vector<std::string> candidates(int major) {
  std::vector<std::string> out;
  for (int number = k_newest_postgres; number >= k_oldest_postgres; --number) {
    if (major == 0 || number == major) out.push_back("/usr/lib/postgresql/" + std::to_string(number) + "/bin");
  }
  if (const char* path = std::getenv("PATH")) {
    std::istringstream folders(path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (!folder.empty()) out.push_back(folder);
    }
  }
  return out;
}

Error unsuitable(const ServerBinaries& found, int major) {
  const std::string what = "PostgreSQL " + found.version + " in " + found.folder;
  if (major != 0) return make_error(Errc::unreachable, what + " is not the version " + std::to_string(major));
  return make_error(Errc::unreachable, what + " is not one that pgphase supports (" +
                                           std::to_string(k_oldest_postgres) + " to " +
                                           std::to_string(k_newest_postgres) + ")");
}

bool suits(const ServerBinaries& found, int major) {
  return major != 0 ? found.major == major : found.major >= k_oldest_postgres && found.major <= k_newest_postgres;
}

}  // namespace

std::string server_version_in(const std::string& printed) {
  const std::string before = "(PostgreSQL) ";
  const auto at = printed.find(before);
  if (at == std::string::npos) return {};
  const auto begin = at + before.size();
  return printed.substr(begin, printed.find_first_of(" \n", begin) - begin);
}

Result<ServerBinaries> find_server_binaries(const std::string& folder, int major) {
  std::string named = folder;
  if (const char* env = std::getenv("PGPHASE_PGBIN"); named.empty() && env != nullptr) named = env;
  if (!named.empty()) {
    if (!has_server(named)) {
      return make_error(Errc::unreachable, "no PostgreSQL server in " + named,
                        "it should hold the programs initdb and postgres");
    }
    PGPHASE_TRY(found, inspect(named));
    if (!suits(found, major)) return unsuitable(found, major);
    return found;
  }
  for (const std::string& candidate : candidates(major)) {
    if (!has_server(candidate)) continue;
    if (const auto found = inspect(candidate); found && suits(*found, major)) return *found;
  }
  const std::string wanted = major == 0 ? std::string() : " " + std::to_string(major);
  return make_error(Errc::unreachable, "no PostgreSQL" + wanted + " server is installed here",
                    "install one (Debian: apt-get install postgresql-" + std::to_string(major == 0 ? 15 : major) +
                        "), or name the folder of its programs in "
                        "PGPHASE_PGBIN");
}

}  // namespace pgphase
