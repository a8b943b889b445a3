// What tests share that let chance decide: a seed that is printed and can be given, and the binary that is shipped.
#pragma once

#include <cstdint>
#include <string>

namespace pgphase::testing {

// PGPHASE_SEED, or a new one. Printed, so that a failure can be repeated.
std::uint64_t seed_of_this_run();

// The program that is shipped, when the build has one: it has no failpoints, and its own timing. For as long as the
// object lives.
class ReleaseBinary {
 public:
  ReleaseBinary();
  ~ReleaseBinary();
  ReleaseBinary(const ReleaseBinary&) = delete;
  ReleaseBinary& operator=(const ReleaseBinary&) = delete;

 private:
  std::string before_;
};

}  // namespace pgphase::testing
