#include "tests/e2e/chance.hpp"

#include <cstdlib>
#include <iostream>
#include <random>

namespace pgphase::testing {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::uint64_t seed_of_this_run() {
  const auto given = variable("PGPHASE_SEED");
  const std::uint64_t seed = given.empty() ? std::random_device{}() : std::stoull(given);
  std::cout << "PGPHASE_SEED=" << seed << "\n";
  return seed;
}

ReleaseBinary::ReleaseBinary() : before_(variable("PGPHASE_BINARY")) {
  const auto release = variable("RELEASE_BINARY_UNDER_TEST");
  if (!release.empty()) ::setenv("PGPHASE_BINARY", release.c_str(), 1);
}

ReleaseBinary::~ReleaseBinary() {
  if (variable("RELEASE_BINARY_UNDER_TEST").empty()) return;
  if (before_.empty()) {
    ::unsetenv("PGPHASE_BINARY");
  } else {
    ::setenv("PGPHASE_BINARY", before_.c_str(), 1);
  }
}

}  // namespace pgphase::testing
