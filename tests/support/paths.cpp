#include "tests/support/paths.hpp"

#include <cstdlib>

namespace pgphase::testing {

std::filesystem::path pgphase_binary() {
  const char* given = std::getenv("PGPHASE_BINARY");
  return given != nullptr ? given : PGPHASE_BUILT_BINARY;
}

std::filesystem::path source_folder() {
  return PGPHASE_SOURCE_FOLDER;
}
std::filesystem::path build_folder() {
  return PGPHASE_BUILD_FOLDER;
}

}  // namespace pgphase::testing
