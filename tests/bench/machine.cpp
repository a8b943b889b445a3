#include "tests/bench/machine.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/bench/figures.hpp"

namespace pgphase::bench {
namespace {

// Of "key : value" lines the first with that key; empty where there is none.
std::string line_of(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const auto value = line.find_first_not_of(" \t", line.find(':') + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return {};
}

constexpr const char* k_settings[] = {"shared_buffers",   "min_wal_size",       "max_wal_size", "checkpoint_timeout",
                                      "autovacuum",       "autovacuum_naptime", "fsync",        "wal_level",
                                      "full_page_writes", "synchronous_commit"};

}  // namespace

Machine this_machine() {
  Machine out;
  out.began_at = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  out.processor = line_of("/proc/cpuinfo", "model name");
  out.cores = static_cast<int>(std::thread::hardware_concurrency());
  std::istringstream memory(line_of("/proc/meminfo", "MemTotal"));
  memory >> out.memory_bytes;
  out.memory_bytes *= 1024;
  utsname system{};
  if (::uname(&system) == 0) out.kernel = fmt::format("{} {}", system.sysname, system.release);
  std::ifstream("/proc/loadavg") >> out.load;
  return out;
}

void ask_server(Machine& machine, Session& session) {
  machine.postgres = session.value("SHOW server_version");
  for (const char* name : k_settings) {
    machine.settings.emplace_back(name, session.value(fmt::format("SHOW {}", name)));
  }
}

std::vector<std::string> in_words(const Machine& machine) {
  std::string settings;
  for (const auto& [name, value] : machine.settings)
    settings += fmt::format("{}{} = {}", settings.empty() ? "" : ", ", name, value);
  std::vector<std::string> out = {
      fmt::format("{} cores ({}), {} of memory, {}; load {:.2f} before the bench began", machine.cores,
                  machine.processor.empty() ? "unknown processor" : machine.processor,
                  as_megabytes(static_cast<double>(machine.memory_bytes)), machine.kernel, machine.load),
      fmt::format("pgphase {}{}, {}", machine.pgphase, machine.commit.empty() ? "" : " (" + machine.commit + ")",
                  machine.began_at),
  };
  // A bench without a server has none to tell of.
  if (!machine.postgres.empty()) {
    out.insert(out.begin() + 1, fmt::format("PostgreSQL {}: {}", machine.postgres, settings));
  }
  return out;
}

boost::json::object as_json(const Machine& machine) {
  boost::json::object settings;
  for (const auto& [name, value] : machine.settings) settings[name] = value;
  return {{"began_at", machine.began_at}, {"processor", machine.processor},
          {"cores", machine.cores},       {"memory_bytes", machine.memory_bytes},
          {"kernel", machine.kernel},     {"load_before", machine.load},
          {"postgres", machine.postgres}, {"settings", settings},
          {"pgphase", machine.pgphase},   {"commit", machine.commit}};
}

}  // namespace pgphase::bench
